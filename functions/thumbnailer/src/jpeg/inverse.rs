//! The inverse discrete cosine transform of the lowest N x N coefficients to N x N samples, in integers.

/// Fraction bits of the basis tables.
const BASIS_BITS: u32 = 13;
/// Fraction bits kept between the two passes.
const PASS_BITS: u32 = 3;
/// Greatest magnitude of a dequantised coefficient; legal ones are below 2^14. It keeps the first pass within 32 bits.
pub(crate) const COEFFICIENT_MAX: i32 = 32_767;
/// The same for what is between the passes; legal ones are below 2^15.
const BETWEEN_MAX: i32 = 65_535;

/// `BASIS[u][x]` = C(u) / 2 * cos((2x + 1) u pi / 2N), with C(0) = sqrt(1/2) and otherwise 1 (T.81, A.3.3, and its
/// like for smaller N: a transform of N points over coefficients that were made with 8 has this same factor).
const BASIS_2: [[i32; 2]; 2] = [[2896, 2896], [2896, -2896]];
const BASIS_4: [[i32; 4]; 4] =
    [[2896, 2896, 2896, 2896], [3784, 1567, -1567, -3784], [2896, -2896, -2896, 2896], [1567, -3784, 3784, -1567]];
const BASIS_8: [[i32; 8]; 8] = [
    [2896, 2896, 2896, 2896, 2896, 2896, 2896, 2896],
    [4017, 3406, 2276, 799, -799, -2276, -3406, -4017],
    [3784, 1567, -1567, -3784, -3784, -1567, 1567, 3784],
    [3406, -799, -4017, -2276, 2276, 4017, 799, -3406],
    [2896, -2896, -2896, 2896, 2896, -2896, -2896, 2896],
    [2276, -4017, 799, 3406, -3406, -799, 4017, -2276],
    [1567, -3784, 3784, -1567, -1567, 3784, -3784, 1567],
    [799, -2276, 3406, -4017, 4017, -3406, 2276, -799],
];

/// Turns the block's coefficients, N to a row, into samples at the start of `samples`, `stride` to a row.
#[inline(always)]
pub(crate) fn inverse<const N: usize>(coefficients: &[i32; 64], samples: &mut [u8], stride: usize) {
    match N {
        1 => samples[0] = sample((coefficients[0] + 4) >> 3),
        2 => separable(&BASIS_2, coefficients, samples, stride),
        4 => separable(&BASIS_4, coefficients, samples, stride),
        _ => separable(&BASIS_8, coefficients, samples, stride),
    }
}

#[inline(always)]
fn separable<const N: usize>(basis: &[[i32; N]; N], coefficients: &[i32; 64], samples: &mut [u8], stride: usize) {
    let mut between = [[0_i32; N]; N];
    // Down the columns: row y of the sums is made of all rows of coefficients.
    for (y, row) in between.iter_mut().enumerate() {
        for v in 0..N {
            for u in 0..N {
                row[u] += basis[v][y] * coefficients[v * N + u];
            }
        }
        for value in row.iter_mut() {
            let rounded = (*value + (1 << (BASIS_BITS - PASS_BITS - 1))) >> (BASIS_BITS - PASS_BITS);
            *value = rounded.clamp(-BETWEEN_MAX, BETWEEN_MAX);
        }
    }
    for (row, out) in between.iter().zip(samples.chunks_mut(stride)) {
        let mut sums = [0_i32; N];
        for u in 0..N {
            for x in 0..N {
                sums[x] += basis[u][x] * row[u];
            }
        }
        for (sum, sample_out) in sums.iter().zip(out) {
            *sample_out = sample((sum + (1 << (BASIS_BITS + PASS_BITS - 1))) >> (BASIS_BITS + PASS_BITS));
        }
    }
}

/// A sample from its distance to the middle of the range.
#[inline(always)]
fn sample(value: i32) -> u8 {
    (value + 128).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The transform of annex A in floats, at N points.
    fn reference(coefficients: &[i32; 64], n: usize) -> Vec<f64> {
        let c = |u: usize| if u == 0 { 0.5_f64.sqrt() } else { 1.0 };
        let angle = |x: usize, u: usize| ((2 * x + 1) * u) as f64 * std::f64::consts::PI / (2 * n) as f64;
        let at = |x, y| {
            let terms = (0..n * n).map(|i| {
                let (u, v) = (i % n, i / n);
                c(u) * c(v) * f64::from(coefficients[i]) * angle(x, u).cos() * angle(y, v).cos() / 4.0
            });
            (terms.sum::<f64>() + 128.0).clamp(0.0, 255.0)
        };
        (0..n * n).map(|i| at(i % n, i / n)).collect()
    }

    fn largest_difference<const N: usize>() -> f64 {
        let mut state = 5_u32;
        let mut largest = 0.0_f64;
        for round in 0..500 {
            let mut coefficients = [0; 64];
            for (index, coefficient) in coefficients[..N * N].iter_mut().enumerate() {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *coefficient = (state >> 16) as i32 % (600 / (index as i32 + 1) + 2 + round % 50) - 20;
            }
            let mut samples = [0; 64];
            inverse::<N>(&coefficients, &mut samples, N);
            for (ours, exact) in samples.iter().zip(reference(&coefficients, N)) {
                largest = largest.max((f64::from(*ours) - exact).abs());
            }
        }
        largest
    }

    #[test]
    fn samples_are_those_of_the_exact_transform_rounded() {
        for largest in
            [largest_difference::<1>(), largest_difference::<2>(), largest_difference::<4>(), largest_difference::<8>()]
        {
            assert!(largest < 0.65, "{largest}");
        }
    }

    #[test]
    fn hostile_coefficients_do_not_overflow() {
        for value in [COEFFICIENT_MAX, -COEFFICIENT_MAX] {
            let mut samples = [0; 64];
            inverse::<8>(&[value; 64], &mut samples, 8);
            inverse::<4>(&[value; 64], &mut samples, 8);
            inverse::<2>(&[value; 64], &mut samples, 8);
            inverse::<1>(&[value; 64], &mut samples, 8);
        }
    }
}
