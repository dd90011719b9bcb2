//! Value noise, row by row and in integers: random values on a grid, joined smoothly. Several of them with ever finer grids
//! give a texture whose spectrum falls like that of a natural scene.

/// Levels of brightness are held in sixteenths.
pub(super) const LEVEL: i32 = 16;

/// A well-mixed number for a point of the grid (the finaliser of MurmurHash3).
pub(super) fn hash(x: u32, y: u32, seed: u32) -> u32 {
    let mut mixed = x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77) ^ seed.wrapping_mul(0xC2B2_AE3D);
    mixed = (mixed ^ (mixed >> 16)).wrapping_mul(0x85EB_CA6B);
    mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xC2B2_AE35);
    mixed ^ (mixed >> 16)
}

/// Noise of one grid.
#[derive(Debug)]
pub(super) struct Octave {
    /// Distance of the grid's points, pixels.
    cell: u32,
    /// Largest value, in sixteenths of a level.
    amplitude: i32,
    seed: u32,
    /// How far each pixel of a cell is from the left value to the right one, of 256.
    weights: Vec<i32>,
}

impl Octave {
    /// Noise between `-levels` and `levels` over cells of `cell` pixels.
    pub(super) fn new(cell: u32, levels: i32, seed: u32) -> Octave {
        let cell = cell.max(1);
        let weights = (0..u64::from(cell))
            .map(|step| {
                // 3t^2 - 2t^3: smooth at the grid's points.
                let t = step * 4096 / u64::from(cell);
                ((t * t * (3 * 4096 - 2 * t)) >> 28) as i32
            })
            .collect();
        Octave { cell, amplitude: levels * LEVEL, seed, weights }
    }

    /// Adds row `y` to `row`.
    pub(super) fn add_row(&self, y: u32, row: &mut [i32]) {
        let (grid_y, down) = (y / self.cell, self.weights[(y % self.cell) as usize]);
        let value = |grid_x, grid_y| (hash(grid_x, grid_y, self.seed) >> 16) as i32 - 32_768;
        let between = |grid_x| {
            let (above, below) = (value(grid_x, grid_y), value(grid_x, grid_y + 1));
            ((above + (((below - above) * down) >> 8)) * self.amplitude) >> 15
        };
        let mut left = between(0);
        for (grid_x, pixels) in row.chunks_mut(self.cell as usize).enumerate() {
            let right = between(grid_x as u32 + 1);
            for (pixel, weight) in pixels.iter_mut().zip(&self.weights) {
                *pixel += left + (((right - left) * weight) >> 8);
            }
            left = right;
        }
    }
}

/// Row `y` of the sum of some octaves.
pub(super) fn row(octaves: &[Octave], y: u32, width: usize) -> Vec<i32> {
    let mut row = vec![0; width];
    for octave in octaves {
        octave.add_row(y, &mut row);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_differ_little_and_the_range_is_used() {
        let octave = [Octave::new(32, 100, 7)];
        let rows: Vec<Vec<i32>> = (0..256).map(|y| row(&octave, y, 256)).collect();
        let values = || rows.iter().flatten();
        assert!(values().all(|value| value.abs() <= 100 * LEVEL));
        assert!(values().any(|value| *value > 60 * LEVEL) && values().any(|value| *value < -60 * LEVEL));
        let steps = rows.iter().flat_map(|row| row.windows(2)).chain(rows.windows(2).map(|pair| &pair[0][..2]));
        assert!(steps.clone().all(|pair| (pair[0] - pair[1]).abs() < 12 * LEVEL));
        assert!((1..256).all(|y| (rows[y][9] - rows[y - 1][9]).abs() < 12 * LEVEL));
    }

    #[test]
    fn no_grid_is_too_large_for_the_arithmetic() {
        let octave = [Octave::new(4_000, 127, 1)];
        assert!(row(&octave, 3_999, 8_000).iter().all(|value| value.abs() <= 127 * LEVEL));
    }
}
