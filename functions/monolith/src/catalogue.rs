//! The twenty computations by name, with the bounds of their argument.

use std::collections::LinkedList;

use crate::random::Random;
use crate::tree::Tree;
use crate::{dates, fibonacci, frame, matrix, python, text, tree};

/// One computation.
pub(crate) struct Computation {
    /// Its name as a `run_function`.
    pub(crate) name: &'static str,
    /// What `args` means to it, with its bounds.
    pub(crate) argument: Argument,
    /// Computes for an argument within the bounds; the result as Python's `str`, cut at 100 characters.
    pub(crate) run: fn(&mut Random, usize) -> String,
}

/// The bounds of `args`: one event must not be able to take the host's memory.
#[derive(Clone, Copy)]
pub(crate) struct Argument {
    pub(crate) least: usize,
    pub(crate) most: usize,
    /// What it is, for an error.
    pub(crate) meaning: &'static str,
}

/// The computation whose result is timed on its own.
pub(crate) const MATRIX_MULTIPLICATION: &str = "matrix_mult";

const SIZE: Argument = Argument { least: 1, most: matrix::MAXIMUM_SIZE, meaning: "the width of the matrices" };
const DEPTH: Argument = Argument { least: 0, most: tree::MAXIMUM_DEPTH, meaning: "the depth of the tree" };
const LENGTH: Argument = Argument { least: 0, most: 1_000_000, meaning: "the number of values" };
const COLUMNS: Argument = Argument { least: 0, most: frame::MAXIMUM_COLUMNS, meaning: "the number of columns" };
/// 2^31 - 1 is a `usize` on every target, and an integer in every client.
const UNUSED: Argument = Argument { least: 0, most: i32::MAX as usize, meaning: "not used by it" };

/// All of them, in the order by which `random` chooses.
pub(crate) const COMPUTATIONS: [Computation; 20] = [
    Computation {
        name: MATRIX_MULTIPLICATION,
        argument: SIZE,
        run: |random, size| python::str(&matrix::multiply_random(random, size)),
    },
    Computation { name: "fib", argument: UNUSED, run: |random, _| python::str(&fibonacci::fibonacci(random)) },
    Computation { name: "makeTree", argument: DEPTH, run: |random, x| python::str(&Tree::draw(random, 100, x)) },
    Computation { name: "isSymmetric", argument: DEPTH, run: |random, x| python::str(&tree(random, x).is_symmetric()) },
    Computation { name: "levelOrder", argument: DEPTH, run: |random, x| python::str(&tree(random, x).levels()) },
    Computation { name: "maxDepth", argument: DEPTH, run: |random, x| python::str(&tree(random, x).maximum_depth()) },
    Computation {
        name: "levelOrderBottom",
        argument: DEPTH,
        run: |random, x| python::str(&tree(random, x).levels_from_the_bottom()),
    },
    Computation { name: "sortedArrayToBST", argument: LENGTH, run: |_, x| python::str(&tree_of_range(x)) },
    Computation {
        name: "zigzagLevelOrder",
        argument: DEPTH,
        run: |random, x| python::str(&tree(random, x).zigzag_levels()),
    },
    Computation { name: "sortedListToBST", argument: LENGTH, run: |random, x| python::str(&tree_of_list(random, x)) },
    Computation { name: "isBalanced", argument: DEPTH, run: |random, x| python::str(&tree(random, x).is_balanced()) },
    Computation { name: "minDepth", argument: DEPTH, run: |random, x| python::str(&tree(random, x).minimum_depth()) },
    Computation { name: "flatten", argument: DEPTH, run: |random, x| python::str(&tree(random, x).flatten()) },
    Computation {
        name: "maxPathSum",
        argument: DEPTH,
        run: |random, x| python::str(&tree(random, x).maximum_path_sum().unwrap_or_default()),
    },
    Computation {
        name: "preorderTraversal",
        argument: DEPTH,
        run: |random, x| python::str(&tree(random, x).preorder_values()),
    },
    Computation {
        name: "rightSideView",
        argument: DEPTH,
        run: |random, x| python::str(&tree(random, x).right_side_view()),
    },
    Computation { name: "dummie_webpage", argument: UNUSED, run: |random, _| text::web_page(random) },
    Computation { name: "docker_documentation", argument: UNUSED, run: |random, _| text::documentation(random) },
    Computation { name: "use_arrow", argument: UNUSED, run: |random, _| python::cut(&dates::journey(random)) },
    Computation { name: "pandas_numpy", argument: COLUMNS, run: |_, x| python::str(&frame::sum_of_frame(x)) },
];

/// The tree that most of them ask about.
fn tree(random: &mut Random, depth: usize) -> Tree {
    Tree::draw(random, 10, depth)
}

/// `sortedArrayToBST`: over `range(length)`.
fn tree_of_range(length: usize) -> Tree {
    let values: Vec<i32> = (0..length as i32).collect();
    Tree::balanced(&values)
}

/// `sortedListToBST`: over a linked list of `length + 1` drawn values, which is not sorted in the original either.
fn tree_of_list(random: &mut Random, length: usize) -> Tree {
    let list: LinkedList<i32> = (0..=length).map(|_| random.integer(0, 100)).collect();
    let values: Vec<i32> = list.into_iter().collect();
    Tree::balanced(&values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = COMPUTATIONS.iter().map(|computation| computation.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COMPUTATIONS.len());
    }

    #[test]
    fn every_computation_gives_the_same_again() {
        for computation in &COMPUTATIONS {
            let Argument { least, most, .. } = computation.argument;
            for argument in [least, most.min(12)] {
                let [first, second] = [3, 3].map(|seed| (computation.run)(&mut Random::from_seed(seed), argument));
                assert_eq!(first, second);
                assert!(!first.is_empty() && first.chars().count() <= python::RESULT_CHARACTERS, "{first}");
            }
        }
    }

    #[test]
    fn the_longest_list_and_the_widest_frame_are_worked_on() {
        assert_eq!(tree_of_list(&mut Random::from_seed(1), LENGTH.most).maximum_depth(), 20);
        assert_eq!(frame::sum_of_frame(COLUMNS.most), 4_500_000);
    }
}
