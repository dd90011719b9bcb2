//! Resampling of a plane to any smaller size by a cubic filter, in integers.
//!
//! The filter is Keys' cubic with a = -1/2 (Catmull-Rom), stretched by the scale so that it averages over all samples that
//! fall into one of the result: the same as Pillow's `BICUBIC`. The weights are computed with additions, multiplications
//! and divisions only, which IEEE 754 defines exactly, and rounded to integers: the result is the same on all engines.

use crate::plane::Plane;

/// Fraction bits of a weight. Weights fit 16 bits, the products of a sample and a weight 32.
const WEIGHT_BITS: u32 = 14;
/// The filter is zero from this distance on.
const SUPPORT: f64 = 2.0;

/// The samples that make one of the result.
#[derive(Debug)]
struct Window {
    first: usize,
    /// Their sum is 2^[`WEIGHT_BITS`].
    weights: Vec<i16>,
}

/// The plane's picture in `width` x `height` samples.
pub(crate) fn resample(plane: &Plane, width: u32, height: u32) -> Vec<u8> {
    let (width, height) = (width as usize, height as usize);
    let rows = windows(plane.height, plane.extent.1, height);
    let columns = windows(plane.width, plane.extent.0, width);
    let mut result = Vec::with_capacity(width * height);
    let mut sums = vec![0_i32; plane.width];
    let mut row = vec![0_u8; plane.width];
    // Down first: that goes along the rows, many samples at a time, and leaves few rows for the other direction.
    for window in &rows {
        sums.fill(1 << (WEIGHT_BITS - 1));
        for (offset, &weight) in window.weights.iter().enumerate() {
            let start = (window.first + offset) * plane.stride;
            for (sum, &sample) in sums.iter_mut().zip(&plane.samples[start..start + plane.width]) {
                *sum += i32::from(i16::from(sample)) * i32::from(weight);
            }
        }
        for (sample, &sum) in row.iter_mut().zip(&sums) {
            *sample = rounded(sum);
        }
        result.extend(columns.iter().map(|window| {
            let samples = &row[window.first..window.first + window.weights.len()];
            let products = samples.iter().zip(&window.weights);
            rounded(products.fold(1 << (WEIGHT_BITS - 1), |sum, (&sample, &weight)| {
                sum + i32::from(i16::from(sample)) * i32::from(weight)
            }))
        }));
    }
    result
}

/// A sum, half a step added, as a sample.
#[inline(always)]
fn rounded(sum: i32) -> u8 {
    (sum >> WEIGHT_BITS).clamp(0, 255) as u8
}

/// The windows that turn the first `extent` of `size` samples into `result` samples.
fn windows(size: usize, extent: f64, result: usize) -> Vec<Window> {
    let scale = extent / result as f64;
    // A plane that is smaller than the result (subsampled colour) is interpolated.
    let stretch = scale.max(1.0);
    let window = |index: usize| {
        let centre = (index as f64 + 0.5) * scale;
        let first = (centre - SUPPORT * stretch + 0.5).max(0.0) as usize;
        let end = ((centre + SUPPORT * stretch + 0.5) as usize).min(size);
        // A centre can't lie beyond the plane, but rounding may put it on its edge.
        let first = first.min(size - 1);
        let end = end.max(first + 1);
        let weights = (first..end).map(|sample| cubic((sample as f64 + 0.5 - centre) / stretch));
        Window { first, weights: normalised(&weights.collect::<Vec<f64>>()) }
    };
    (0..result).map(window).collect()
}

/// Keys' cubic convolution kernel with a = -1/2.
fn cubic(distance: f64) -> f64 {
    const A: f64 = -0.5;
    let x = distance.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

/// Weights as integers whose sum is exactly one, so that an even area stays as it is: the sum up to each weight is rounded,
/// not the weight, so that errors do not add up however many there are.
fn normalised(weights: &[f64]) -> Vec<i16> {
    let total: f64 = weights.iter().sum();
    let (mut sum, mut sum_given) = (0.0, 0);
    weights
        .iter()
        .map(|weight| {
            sum += weight;
            // The half makes a conversion that cuts round, as far as the sum is positive; else it is some bit off.
            let sum_rounded = (sum / total * f64::from(1 << WEIGHT_BITS) + 0.5) as i32;
            let given = sum_rounded - sum_given;
            sum_given = sum_rounded;
            given as i16
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(width: usize, height: usize, sample: impl Fn(usize, usize) -> u8) -> Plane {
        let samples = (0..width * height).map(|index| sample(index % width, index / width)).collect();
        Plane { samples, stride: width, width, height, extent: (width as f64, height as f64) }
    }

    #[test]
    fn an_even_area_stays_even_at_any_size() {
        for (width, height, extent) in [(1, 1, (0.1, 0.2)), (456, 684, (456.0, 684.0)), (7, 5, (6.125, 4.5))] {
            let mut plane = plane(width, height, |_, _| 201);
            plane.extent = extent;
            for (across, down) in [(1, 1), (133, 200), (3, 2)] {
                assert!(resample(&plane, across, down).iter().all(|&sample| sample == 201));
            }
        }
    }

    #[test]
    fn the_same_size_gives_the_same_samples() {
        let plane = plane(20, 10, |x, y| (x * 13 + y * 29) as u8);
        assert_eq!(resample(&plane, 20, 10), plane.samples);
    }

    #[test]
    fn a_ramp_stays_a_ramp() {
        let plane = plane(200, 4, |x, _| x as u8);
        let ramp = resample(&plane, 50, 2);
        for (index, &sample) in ramp[2..48].iter().enumerate() {
            // The middle of the samples 4 i to 4 i + 3.
            let exact = (index + 2) as f64 * 4.0 + 1.5;
            assert!((f64::from(sample) - exact).abs() <= 0.5, "{index}: {sample}");
        }
    }
}
