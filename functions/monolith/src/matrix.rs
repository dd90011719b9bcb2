//! `matrix_mult`: the product of two square matrices, every element of it, by the textbook's method.

use crate::python::{CutText, Python};
use crate::random::Random;

/// Entries are at most 100, so a row of 2,000 products stays below 2^31.
pub(crate) const MAXIMUM_SIZE: usize = 2_000;

/// The last row's sum; the list itself where the matrix has one row only.
///
/// That is what the original makes of the product: it folds the rows by `reduce`, which never looks at any row but the last
/// and gives a single row back as it is.
pub(crate) enum Folded {
    Sum(i64),
    Row(Vec<i32>),
}

impl Python for Folded {
    fn repr(&self, out: &mut CutText) {
        match self {
            Folded::Sum(sum) => sum.repr(out),
            Folded::Row(row) => row.repr(out),
        }
    }
}

/// Draws two matrices of `size` rows and columns, multiplies them and folds the product. `size` is 1 to [`MAXIMUM_SIZE`].
pub(crate) fn multiply_random(random: &mut Random, size: usize) -> Folded {
    let left = draw(random, size);
    let right = draw(random, size);
    let product = multiply(&left, &right, size);
    // The whole product is asked for, though only its last row is folded.
    let product = std::hint::black_box(product);
    let last = product[product.len() - size..].to_vec();
    if size == 1 { Folded::Row(last) } else { Folded::Sum(last.into_iter().map(i64::from).sum()) }
}

/// `randint(0, 100)` for every element, row by row.
fn draw(random: &mut Random, size: usize) -> Vec<i16> {
    (0..size * size).map(|_| random.integer(0, 100) as i16).collect()
}

/// The product in O(n^3), row times column, over a transposed copy so that both are read in the order of memory. Products of
/// 16-bit integers added up in 32 bits are one instruction of SSE2 (`pmaddwd`) and of WASM (`i32x4.dot_i16x8_s`).
fn multiply(left: &[i16], right: &[i16], size: usize) -> Vec<i32> {
    let mut columns = vec![0_i16; size * size];
    for (row, values) in right.chunks_exact(size).enumerate() {
        for (column, &value) in values.iter().enumerate() {
            columns[column * size + row] = value;
        }
    }
    let mut product = Vec::with_capacity(size * size);
    for row in left.chunks_exact(size) {
        product.extend(columns.chunks_exact(size).map(|column| dot(row, column)));
    }
    product
}

fn dot(row: &[i16], column: &[i16]) -> i32 {
    row.iter().zip(column).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_the_textbooks() {
        let left = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        let right = [9, 8, 7, 6, 5, 4, 3, 2, 1];
        assert_eq!(multiply(&left, &right, 3), [30, 24, 18, 84, 69, 54, 138, 114, 90]);
    }

    #[test]
    fn the_largest_matrix_of_the_largest_entries_does_not_overflow() {
        let row = vec![100_i16; MAXIMUM_SIZE];
        assert_eq!(dot(&row, &row), 20_000_000);
    }

    #[test]
    fn every_width_is_multiplied_whole() {
        for size in 1..40 {
            let left: Vec<i16> = (0..size * size).map(|i| (i * 7 % 101) as i16).collect();
            let right: Vec<i16> = (0..size * size).map(|i| (i * 13 % 101) as i16).collect();
            let product = multiply(&left, &right, size);
            for row in 0..size {
                for column in 0..size {
                    let expected: i32 =
                        (0..size).map(|k| i32::from(left[row * size + k]) * i32::from(right[k * size + column])).sum();
                    assert_eq!(product[row * size + column], expected);
                }
            }
        }
    }
}
