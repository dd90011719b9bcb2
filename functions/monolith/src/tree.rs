//! Binary trees of drawn values, and the questions that the monolith asks of them.
//!
//! The nodes lie in one list and name each other by position: a chain of two million nodes can then be dropped without two
//! million calls inside one another.

use crate::python::{CutText, Python};
use crate::random::Random;

/// Deepest tree: 2,097,151 nodes of 12 bytes.
pub(crate) const MAXIMUM_DEPTH: usize = 20;

/// The absent child.
const NONE: u32 = u32::MAX;

struct Node {
    value: i32,
    left: u32,
    right: u32,
}

/// A binary tree, perhaps empty.
pub(crate) struct Tree {
    nodes: Vec<Node>,
    root: u32,
}

impl Tree {
    /// A perfect tree of `depth` levels below its root, drawn in pre-order: the root from 0 to `root_high`, all others from
    /// 0 to 100.
    pub(crate) fn draw(random: &mut Random, root_high: i32, depth: usize) -> Tree {
        let mut tree = Tree { nodes: Vec::with_capacity((2 << depth) - 1), root: 0 };
        let value = random.integer(0, root_high);
        tree.grow(random, value, depth);
        tree
    }

    fn grow(&mut self, random: &mut Random, value: i32, depth: usize) -> u32 {
        let node = self.add(value);
        if depth > 0 {
            for child in [Child::Left, Child::Right] {
                let value = random.integer(0, 100);
                let grown = self.grow(random, value, depth - 1);
                self.link(node, child, grown);
            }
        }
        node
    }

    /// The balanced search tree over `values` as they stand: the middle one is the root, both halves likewise.
    pub(crate) fn balanced(values: &[i32]) -> Tree {
        let mut tree = Tree { nodes: Vec::with_capacity(values.len()), root: NONE };
        tree.root = tree.balance(values);
        tree
    }

    fn balance(&mut self, values: &[i32]) -> u32 {
        let middle = values.len() / 2;
        let (before, rest) = values.split_at(middle);
        let Some((&value, after)) = rest.split_first() else { return NONE };
        let node = self.add(value);
        for (child, half) in [(Child::Left, before), (Child::Right, after)] {
            let balanced = self.balance(half);
            self.link(node, child, balanced);
        }
        node
    }

    fn add(&mut self, value: i32) -> u32 {
        self.nodes.push(Node { value, left: NONE, right: NONE });
        (self.nodes.len() - 1) as u32
    }

    fn link(&mut self, node: u32, child: Child, to: u32) {
        let node = &mut self.nodes[node as usize];
        match child {
            Child::Left => node.left = to,
            Child::Right => node.right = to,
        }
    }

    fn node(&self, node: u32) -> Option<&Node> {
        self.nodes.get(node as usize)
    }

    /// Whether the tree is its own mirror image.
    pub(crate) fn is_symmetric(&self) -> bool {
        self.node(self.root).is_none_or(|root| self.is_mirrored(root.left, root.right))
    }

    fn is_mirrored(&self, left: u32, right: u32) -> bool {
        match (self.node(left), self.node(right)) {
            (None, None) => true,
            (Some(a), Some(b)) => {
                a.value == b.value && self.is_mirrored(a.left, b.right) && self.is_mirrored(a.right, b.left)
            }
            _ => false,
        }
    }

    /// The values level by level, from the root down and from left to right.
    pub(crate) fn levels(&self) -> Vec<Vec<i32>> {
        let mut levels = Vec::new();
        let mut level: Vec<&Node> = self.node(self.root).into_iter().collect();
        while !level.is_empty() {
            levels.push(level.iter().map(|node| node.value).collect());
            level =
                level.iter().flat_map(|node| [node.left, node.right]).filter_map(|child| self.node(child)).collect();
        }
        levels
    }

    /// The levels from the lowest up.
    pub(crate) fn levels_from_the_bottom(&self) -> Vec<Vec<i32>> {
        let mut levels = self.levels();
        levels.reverse();
        levels
    }

    /// The levels, every second one from right to left.
    pub(crate) fn zigzag_levels(&self) -> Vec<Vec<i32>> {
        let mut levels = self.levels();
        for level in levels.iter_mut().skip(1).step_by(2) {
            level.reverse();
        }
        levels
    }

    /// The last value of each level.
    pub(crate) fn right_side_view(&self) -> Vec<i32> {
        self.levels().iter().filter_map(|level| level.last().copied()).collect()
    }

    /// Nodes on the longest way down.
    pub(crate) fn maximum_depth(&self) -> i64 {
        self.height(self.root)
    }

    fn height(&self, node: u32) -> i64 {
        self.node(node).map_or(0, |node| self.height(node.left).max(self.height(node.right)) + 1)
    }

    /// Nodes on the shortest way down to a leaf.
    pub(crate) fn minimum_depth(&self) -> i64 {
        self.shortest(self.root)
    }

    fn shortest(&self, node: u32) -> i64 {
        let Some(node) = self.node(node) else { return 0 };
        let (left, right) = (self.shortest(node.left), self.shortest(node.right));
        // A node with one child is no leaf.
        1 + if left == 0 || right == 0 { left.max(right) } else { left.min(right) }
    }

    /// Whether the two sides of every node differ by one level at most.
    pub(crate) fn is_balanced(&self) -> bool {
        self.balanced_height(self.root).is_some()
    }

    fn balanced_height(&self, node: u32) -> Option<i64> {
        let Some(node) = self.node(node) else { return Some(0) };
        let (left, right) = (self.balanced_height(node.left)?, self.balanced_height(node.right)?);
        ((left - right).abs() <= 1).then_some(left.max(right) + 1)
    }

    /// Hangs every node to the right of the one before it in pre-order.
    pub(crate) fn flatten(mut self) -> Tree {
        let order = self.preorder();
        for (index, &node) in order.iter().enumerate() {
            self.link(node, Child::Left, NONE);
            self.link(node, Child::Right, order.get(index + 1).copied().unwrap_or(NONE));
        }
        self
    }

    /// The values in pre-order.
    pub(crate) fn preorder_values(&self) -> Vec<i32> {
        self.preorder().into_iter().filter_map(|node| self.node(node)).map(|node| node.value).collect()
    }

    fn preorder(&self) -> Vec<u32> {
        let mut order = Vec::with_capacity(self.nodes.len());
        let mut waiting = vec![self.root];
        while let Some(position) = waiting.pop() {
            if let Some(node) = self.node(position) {
                order.push(position);
                waiting.extend([node.right, node.left]);
            }
        }
        order
    }

    /// The largest sum over a way from node to node that visits none twice. `None` for an empty tree.
    pub(crate) fn maximum_path_sum(&self) -> Option<i64> {
        let mut best = None;
        self.best_way_down(self.root, &mut best);
        best
    }

    /// The largest sum of a way that begins at `node` and leads down.
    fn best_way_down(&self, node: u32, best: &mut Option<i64>) -> i64 {
        let Some(node) = self.node(node) else { return 0 };
        let left = self.best_way_down(node.left, best).max(0);
        let right = self.best_way_down(node.right, best).max(0);
        let value = i64::from(node.value);
        *best = (*best).max(Some(value + left + right));
        value + left.max(right)
    }

    fn repr_from(&self, node: u32, out: &mut CutText) {
        match self.node(node) {
            None => out.push("None"),
            // What is full takes no more, so a long chain is not followed to its end.
            Some(_) if out.is_full() => {}
            Some(node) => {
                out.push("[");
                node.value.repr(out);
                for child in [node.left, node.right] {
                    out.push(", ");
                    self.repr_from(child, out);
                }
                out.push("]");
            }
        }
    }
}

/// A tree as nested lists, `[value, left, right]`.
impl Python for Tree {
    fn repr(&self, out: &mut CutText) {
        self.repr_from(self.root, out);
    }
}

#[derive(Clone, Copy)]
enum Child {
    Left,
    Right,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python;

    /// 1 with a left chain 2, 3 and a right leaf 4.
    fn lopsided() -> Tree {
        let mut tree = Tree { nodes: Vec::new(), root: 0 };
        let nodes = [1, 2, 3, 4].map(|value| tree.add(value));
        tree.link(nodes[0], Child::Left, nodes[1]);
        tree.link(nodes[1], Child::Left, nodes[2]);
        tree.link(nodes[0], Child::Right, nodes[3]);
        tree
    }

    #[test]
    fn a_tree_is_printed_as_nested_lists() {
        assert_eq!(python::str(&lopsided()), "[1, [2, [3, None, None], None], [4, None, None]]");
        assert_eq!(python::str(&Tree::balanced(&[])), "None");
    }

    #[test]
    fn an_uneven_tree_is_measured_from_its_leaves() {
        let tree = lopsided();
        assert_eq!((tree.maximum_depth(), tree.minimum_depth(), tree.is_balanced()), (3, 2, true));
        let chain = Tree::balanced(&[1, 2, 3]).flatten();
        assert_eq!((chain.maximum_depth(), chain.minimum_depth(), chain.is_balanced()), (3, 3, false));
    }

    #[test]
    fn levels_are_read_from_either_end_and_either_side() {
        let tree = lopsided();
        assert_eq!(tree.levels(), [vec![1], vec![2, 4], vec![3]]);
        assert_eq!(tree.levels_from_the_bottom(), [vec![3], vec![2, 4], vec![1]]);
        assert_eq!(tree.zigzag_levels(), [vec![1], vec![4, 2], vec![3]]);
        assert_eq!(tree.right_side_view(), [1, 4, 3]);
        assert_eq!(tree.preorder_values(), [1, 2, 3, 4]);
    }

    #[test]
    fn a_mirror_image_is_found() {
        assert!(!lopsided().is_symmetric());
        assert!(Tree::balanced(&[7, 1, 7]).is_symmetric());
        assert!(!Tree::balanced(&[7, 1, 8]).is_symmetric());
        assert!(Tree::balanced(&[]).is_symmetric());
    }

    #[test]
    fn flattening_keeps_the_preorder() {
        assert_eq!(python::str(&lopsided().flatten()), "[1, None, [2, None, [3, None, [4, None, None]]]]");
    }

    #[test]
    fn the_best_path_leaves_out_what_would_lower_it() {
        assert_eq!(lopsided().maximum_path_sum(), Some(10));
        assert_eq!(Tree::balanced(&[-5, 2, 3]).maximum_path_sum(), Some(5));
        assert_eq!(Tree::balanced(&[-5]).maximum_path_sum(), Some(-5));
        assert_eq!(Tree::balanced(&[]).maximum_path_sum(), None);
    }

    #[test]
    fn a_balanced_tree_has_the_middle_at_its_root() {
        assert_eq!(python::str(&Tree::balanced(&[0, 1, 2])), "[1, [0, None, None], [2, None, None]]");
        assert_eq!(python::str(&Tree::balanced(&[0, 1])), "[1, [0, None, None], None]");
        let values: Vec<i32> = (0..1000).collect();
        assert_eq!((Tree::balanced(&values).maximum_depth(), Tree::balanced(&values).is_balanced()), (10, true));
    }

    #[test]
    fn the_deepest_tree_is_flattened_and_printed() {
        let mut random = Random::from_seed(1);
        let tree = Tree::draw(&mut random, 100, MAXIMUM_DEPTH).flatten();
        assert_eq!(tree.nodes.len(), 2_097_151);
        assert_eq!(python::str(&tree).len(), 100);
    }
}
