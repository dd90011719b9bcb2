//! A picture with the statistics of a photograph: a sky with clouds, hills one behind the other, buildings with hard edges, a
//! textured ground, and the noise of a sensor over all of it. Everything is computed in integers, so that its bytes are the
//! same on every machine.

use std::num::NonZero;
use std::thread;

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageError};

use super::noise::{self, LEVEL, Octave};
use super::random::Random;

/// Quality of the JPEG, of 100: that of photographs on the web.
const QUALITY: u8 = 84;
const HILLS: usize = 3;

/// How a surface looks: a colour (luminance and two chrominances, levels) and how much of each noise it shows (of 256).
#[derive(Debug, Clone, Copy)]
struct Surface {
    luminance: i32,
    blue: i32,
    red: i32,
    coarse: i32,
    fine: i32,
}

/// A house: a rectangle with windows.
#[derive(Debug)]
struct Building {
    left: usize,
    right: usize,
    top: u32,
    window: u32,
    surface: Surface,
}

#[derive(Debug)]
struct Photograph {
    width: u32,
    height: u32,
    seed: u32,
    coarse: Vec<Octave>,
    fine: Vec<Octave>,
    /// For each hill, the farthest first, its upper edge in every column.
    ridges: [Vec<u32>; HILLS],
    buildings: Vec<Building>,
    ground: Vec<u32>,
}

/// A photograph as a JPEG file (baseline, 4:4:4), with sides in pixels.
///
/// # Errors
/// When the encoder refuses the picture: one of its sides is 0.
pub(crate) fn jpeg(width: u16, height: u16, seed: u64) -> Result<Vec<u8>, ImageError> {
    let photograph = Photograph::new(width, height, seed);
    let row_bytes = 3 * usize::from(width);
    let mut pixels = vec![0; row_bytes * usize::from(height)];
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    // Every row follows from its number, so that any number of threads makes the same picture.
    let rows = usize::from(height).div_ceil(threads).max(1);
    thread::scope(|scope| {
        for (band, pixels) in pixels.chunks_mut((row_bytes * rows).max(1)).enumerate() {
            let photograph = &photograph;
            scope.spawn(move || {
                for (y, row) in (band * rows..).zip(pixels.chunks_exact_mut(row_bytes)) {
                    photograph.row(y as u32, row);
                }
            });
        }
    });
    let mut bytes = Vec::with_capacity(pixels.len() / 8);
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode(
        &pixels,
        u32::from(width),
        u32::from(height),
        ExtendedColorType::Rgb8,
    )?;
    Ok(bytes)
}

impl Photograph {
    fn new(width: u16, height: u16, seed: u64) -> Photograph {
        let (width, height) = (u32::from(width), u32::from(height));
        let mut random = Random::new(seed, u64::from(width) << 32 | u64::from(height));
        let seed = random.word();
        let part = |thousandths: u32| height * thousandths / 1_000;
        let coarse = [(500, 22), (230, 14), (110, 9), (52, 6)]
            .iter()
            .map(|(size, levels)| Octave::new(part(*size), *levels, random.word()))
            .collect();
        let fine = [(26, 18), (13, 12), (6, 8), (3, 5)]
            .iter()
            .map(|(size, levels)| Octave::new(part(*size).max(2), *levels, random.word()))
            .collect();
        let mut profile = |middle: u32, cells: &[u32], levels: i32| -> Vec<u32> {
            let octaves: Vec<Octave> = cells
                .iter()
                .enumerate()
                .map(|(index, cell)| Octave::new(part(*cell), levels >> index, random.word()))
                .collect();
            let row = noise::row(&octaves, 0, width as usize);
            // A level is a thousandth of the height here.
            row.iter()
                .map(|value| (part(middle) as i32 + value * height as i32 / (1_000 * LEVEL)).max(0) as u32)
                .collect()
        };
        let ridges = [
            profile(430, &[400, 150, 60, 20], 110),
            profile(520, &[330, 120, 40, 14, 5], 90),
            profile(610, &[260, 90, 30, 11, 5, 3], 60),
        ];
        let ground = profile(740, &[900, 120, 11, 5], 24);
        let buildings = buildings(&mut random, width, height);
        Photograph { width, height, seed, coarse, fine, ridges, buildings, ground }
    }

    /// What of the sky is seen at a height: blue above, pale and warm at the horizon.
    fn sky(&self, y: u32) -> Surface {
        let down = (y * 1_000 / self.height).min(600) as i32;
        Surface {
            luminance: 105 + down * 105 / 600,
            blue: 152 - down * 30 / 600,
            red: 108 + down * 28 / 600,
            coarse: 300,
            fine: 10,
        }
    }

    /// The surface and brightness of every pixel of a row, painted from the back to the front.
    fn surfaces(&self, y: u32) -> Vec<Surface> {
        const HILL: [Surface; HILLS] = [
            Surface { luminance: 158, blue: 134, red: 121, coarse: 90, fine: 60 },
            Surface { luminance: 118, blue: 128, red: 120, coarse: 130, fine: 150 },
            Surface { luminance: 78, blue: 118, red: 120, coarse: 160, fine: 300 },
        ];
        const GROUND: Surface = Surface { luminance: 112, blue: 120, red: 135, coarse: 200, fine: 420 };
        let mut row = vec![self.sky(y); self.width as usize];
        let paint = |row: &mut [Surface], edge: &[u32], surface| {
            for (pixel, top) in row.iter_mut().zip(edge) {
                if y >= *top {
                    *pixel = surface;
                }
            }
        };
        for (edge, surface) in self.ridges.iter().zip(HILL) {
            paint(&mut row, edge, surface);
        }
        for building in self.buildings.iter().filter(|building| y >= building.top) {
            building.paint(y, self.seed, &mut row[building.left..building.right]);
        }
        paint(&mut row, &self.ground, GROUND);
        row
    }

    /// Row `y` as RGB.
    fn row(&self, y: u32, pixels: &mut [u8]) {
        let width = self.width as usize;
        let surfaces = self.surfaces(y);
        let coarse = noise::row(&self.coarse, y, width);
        let fine = noise::row(&self.fine, y, width);
        let textured: Vec<i32> = surfaces
            .iter()
            .zip(coarse.iter().zip(&fine))
            .map(|(surface, (coarse, fine))| {
                // Where fine noise crosses zero there is a dark crack: the sharp lines of leaves and stones.
                let crack = (3 * LEVEL - fine.abs()).max(0) * 3;
                surface.luminance * LEVEL + ((coarse * surface.coarse + (fine - crack) * surface.fine) >> 8)
            })
            .collect();
        let mut sensor = SensorNoise(u64::from(self.seed) << 32 | u64::from(y));
        for (x, pixel) in pixels.chunks_exact_mut(3).enumerate() {
            let noise = sensor.next();
            // A lens blurs an edge over a pixel or so.
            let (left, right) = (textured[x.saturating_sub(1)], textured[(x + 1).min(width - 1)]);
            let luminance = (left + 2 * textured[x] + right) >> 2;
            let surface = surfaces[x];
            let tint = (coarse[x] * surface.coarse) >> 11;
            pixel.copy_from_slice(&rgb([
                luminance + noise[0],
                surface.blue * LEVEL - tint + noise[1],
                surface.red * LEVEL + tint / 2 + noise[2],
            ]));
        }
    }
}

fn buildings(random: &mut Random, width: u32, height: u32) -> Vec<Building> {
    (0..14)
        .map(|_| {
            let left = random.below(width);
            let wide = height * random.between(30, 130) / 1_000;
            Building {
                left: left as usize,
                right: (left + wide).min(width) as usize,
                top: height * random.between(430, 700) / 1_000,
                window: (height * random.between(6, 14) / 1_000).max(2),
                surface: Surface {
                    luminance: random.between(50, 190) as i32,
                    blue: random.between(112, 132) as i32,
                    red: random.between(122, 150) as i32,
                    coarse: 40,
                    fine: 50,
                },
            }
        })
        .collect()
}

impl Building {
    fn paint(&self, y: u32, seed: u32, row: &mut [Surface]) {
        let floor = (y - self.top) / self.window;
        for (x, pixel) in row.iter_mut().enumerate() {
            let column = x as u32 / self.window;
            *pixel = self.surface;
            if floor % 3 == 1 && column % 3 == 1 {
                // Some windows are lit, most are dark.
                let lit = noise::hash(column + self.left as u32, floor, seed) % 100;
                pixel.luminance = if lit < 20 { 225 } else { 30 + lit as i32 / 2 };
                pixel.coarse = 200;
            }
        }
    }
}

/// Sensor noise of one row: nearly normal, with a standard deviation of about 1.2 levels in luminance and 0.8 in
/// chrominance, as it is left after a camera's own noise reduction.
struct SensorNoise(u64);

impl SensorNoise {
    /// For one pixel: luminance, blue and red, in sixteenths of a level.
    fn next(&mut self) -> [i32; 3] {
        // SplitMix64 (Steele, Lea and Flood, 2014).
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let bytes = (mixed ^ (mixed >> 31)).to_le_bytes().map(i32::from);
        // The sum of four bytes has a standard deviation of 148, of two 104.
        [
            (bytes[0] + bytes[1] + bytes[2] + bytes[3] - 510) >> 3,
            (bytes[4] + bytes[5] - 255) >> 3,
            (bytes[6] + bytes[7] - 255) >> 3,
        ]
    }
}

/// Full-range BT.601, as in JFIF, from sixteenths of a level; coefficients in 2^-16.
fn rgb([luminance, blue, red]: [i32; 3]) -> [u8; 3] {
    let (blue, red) = (blue - 128 * LEVEL, red - 128 * LEVEL);
    let level = |offset: i32| ((luminance + (offset >> 16) + LEVEL / 2) / LEVEL).clamp(0, 255) as u8;
    [level(91_881 * red), level(-22_554 * blue - 46_802 * red), level(116_130 * blue)]
}
