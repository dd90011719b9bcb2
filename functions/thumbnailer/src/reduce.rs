//! Rows of pixels to planes, reduced by whole factors: each sample is the mean of a box of pixels.

use crate::plane::Plane;

/// Takes in a picture row by row and keeps only its reduced planes.
#[derive(Debug)]
pub(crate) struct Reducer {
    channels: usize,
    factor: (usize, usize),
    width: usize,
    planes: Vec<Plane>,
    /// Sums down the current row of boxes, for each sample of a full row.
    sums: Vec<u32>,
    rows_summed: usize,
}

impl Reducer {
    /// For rows of `size.0` pixels of `channels` interleaved samples; `size.1` rows come.
    pub(crate) fn new(size: (u32, u32), channels: usize, factor: (u32, u32)) -> Reducer {
        let (width, height) = (size.0 as usize, size.1 as usize);
        let factor = (factor.0 as usize, factor.1 as usize);
        let plane = Plane {
            samples: Vec::with_capacity(width.div_ceil(factor.0) * height.div_ceil(factor.1)),
            stride: width.div_ceil(factor.0),
            width: width.div_ceil(factor.0),
            height: height.div_ceil(factor.1),
            extent: (width as f64 / factor.0 as f64, height as f64 / factor.1 as f64),
        };
        Reducer {
            channels,
            factor,
            width,
            planes: vec![plane; channels],
            sums: vec![0; width * channels],
            rows_summed: 0,
        }
    }

    /// Takes in the next row.
    pub(crate) fn row(&mut self, row: &[u8]) {
        // A factor is at most 65,535 / 2, and so a sum below 2^23.
        for (sum, &sample) in self.sums.iter_mut().zip(row) {
            *sum += u32::from(sample);
        }
        self.rows_summed += 1;
        if self.rows_summed == self.factor.1 {
            self.end_row_of_boxes();
        }
    }

    /// The planes, once all rows are in.
    pub(crate) fn finish(mut self) -> Vec<Plane> {
        if self.rows_summed > 0 {
            self.end_row_of_boxes();
        }
        self.planes
    }

    fn end_row_of_boxes(&mut self) {
        for (channel, plane) in self.planes.iter_mut().enumerate() {
            for pixels in self.sums.chunks(self.factor.0 * self.channels) {
                let total: u64 = pixels.iter().skip(channel).step_by(self.channels).map(|&sum| u64::from(sum)).sum();
                let count = (pixels.len() / self.channels * self.rows_summed) as u64;
                plane.samples.push(((total + count / 2) / count) as u8);
            }
            debug_assert_eq!(plane.samples.len() % self.width.div_ceil(self.factor.0), 0);
        }
        self.sums.fill(0);
        self.rows_summed = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sample_is_the_mean_of_its_box_also_at_the_edges() {
        let mut reducer = Reducer::new((3, 3), 2, (2, 2));
        reducer.row(&[10, 0, 20, 0, 30, 100]);
        reducer.row(&[30, 4, 40, 0, 50, 101]);
        reducer.row(&[7, 8, 8, 8, 9, 9]);
        let planes = reducer.finish();
        // (7 + 8) / 2 and (100 + 101) / 2 are rounded up.
        assert_eq!(planes[0].samples, [25, 40, 8, 9]);
        assert_eq!(planes[1].samples, [1, 101, 8, 9]);
        assert_eq!((planes[0].width, planes[0].height, planes[0].extent), (2, 2, (1.5, 1.5)));
    }

    #[test]
    fn a_factor_of_1_changes_nothing() {
        let mut reducer = Reducer::new((2, 2), 1, (1, 1));
        reducer.row(&[1, 2]);
        reducer.row(&[3, 255]);
        assert_eq!(reducer.finish()[0].samples, [1, 2, 3, 255]);
    }
}
