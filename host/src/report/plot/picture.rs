//! A plot with its words and its table, and its rendering.

use plotters::prelude::{BitMapBackend, DrawingBackend, IntoDrawingArea, SVGBackend};

use super::canvas::{Anchor, Canvas, DENSITY, Medium, Refused};
use super::draw::{Drawing, WIDTH};
use super::error::PlotError;
use super::palette::{INK, PAPER};
use super::spot::{self, Spot};
use super::{font, label};

/// The numbers behind a plot, as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Data {
    /// The columns' names.
    pub header: Vec<String>,
    /// As many cells in each as the header has; the first names the row.
    pub rows: Vec<Vec<String>>,
}

/// One plot.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) data: Data,
    pub(super) drawing: Drawing,
}

/// Room for the title of a picture file, px.
const TITLE: f64 = 34.0;
/// The margin of a picture file, px.
const MARGIN: f64 = 12.0;

impl Plot {
    /// Its file name without an ending: letters, digits and dashes, another for each plot of a run.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it shows, in some words.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What it says, in sentences with its numbers.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The numbers behind it.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// As an element of a page: no ground, as wide as its place, with `id` as the prefix of its ids. Its colours are
    /// attributes, which the page's style may override for a theme. The places that say something when pointed at are
    /// in `data-spots`.
    ///
    /// # Errors
    /// When the drawing library gives up.
    pub fn inline_svg(&self, id: &str) -> Result<String, PlotError> {
        let (body, spots) = self.svg_body(0.0)?;
        let (wide, high) = pixels(WIDTH, self.drawing.height());
        let id = label::escaped(id);
        Ok(format!(
            "<svg class=\"plot\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" viewBox=\"0 0 {wide} {high}\" \
             data-spots=\"{}\"><title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>{body}</svg>",
            label::escaped(&spot::json(&spots)),
            label::escaped(&self.title),
            label::escaped(&self.description),
        ))
    }

    /// As a file: with its title, on white.
    ///
    /// # Errors
    /// When the drawing library gives up.
    pub fn svg(&self) -> Result<String, PlotError> {
        let (body, _) = self.svg_body(TITLE)?;
        let (wide, high) = (WIDTH + 2.0 * MARGIN, self.drawing.height() + TITLE + 2.0 * MARGIN);
        let margin = (MARGIN * DENSITY).round();
        let (view_wide, view_high) = pixels(wide, high);
        Ok(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-labelledby=\"t d\" width=\"{wide:.0}\" \
             height=\"{high:.0}\" viewBox=\"0 0 {view_wide} {view_high}\">\n<title id=\"t\">{}</title>\n<desc \
             id=\"d\">{}</desc>\n<rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>\n<g transform=\"translate({margin} \
             {margin})\">\n{body}</g>\n</svg>\n",
            label::escaped(&self.title),
            label::escaped(&self.description),
        ))
    }

    /// As a PNG file: with its title, on white, two pixels for one.
    ///
    /// # Errors
    /// When the drawing library or the encoder gives up.
    pub fn png(&self) -> Result<Vec<u8>, PlotError> {
        let (wide, high) = pixels(WIDTH + 2.0 * MARGIN, self.drawing.height() + TITLE + 2.0 * MARGIN);
        let mut buffer = vec![0; wide as usize * high as usize * 3];
        {
            let area = BitMapBackend::with_buffer(&mut buffer, (wide, high)).into_drawing_area();
            area.fill(&PAPER).map_err(|error| self.refused(&Refused(error.to_string())))?;
            let margin = (MARGIN * DENSITY).round() as u32;
            let inner = area.margin(margin, margin, margin, margin);
            self.draw(&inner, Medium::Bitmap, TITLE)?;
            area.present().map_err(|error| self.refused(&Refused(error.to_string())))?;
        }
        let mut png = Vec::new();
        let encoder = image::codecs::png::PngEncoder::new(&mut png);
        image::ImageEncoder::write_image(encoder, &buffer, wide, high, image::ExtendedColorType::Rgb8)
            .map_err(|error| PlotError::Encode { plot: self.name.clone(), message: error.to_string() })?;
        Ok(png)
    }

    /// What lies within the svg element.
    fn svg_body(&self, top: f64) -> Result<(String, Vec<Spot>), PlotError> {
        let mut svg = String::new();
        let spots = {
            let area =
                SVGBackend::with_string(&mut svg, pixels(WIDTH, self.drawing.height() + top)).into_drawing_area();
            let spots = self.draw(&area, Medium::Svg, top)?;
            area.present().map_err(|error| self.refused(&Refused(error.to_string())))?;
            spots
        };
        Ok((compact(&svg), spots))
    }

    fn draw<DB: DrawingBackend>(
        &self,
        area: &plotters::prelude::DrawingArea<DB, plotters::coord::Shift>,
        medium: Medium,
        top: f64,
    ) -> Result<Vec<Spot>, PlotError> {
        font::register()?;
        if top > 0.0 {
            let title = font::fitted(&self.title, 15.0, WIDTH);
            let canvas = Canvas::new(area, medium, 0.0);
            canvas.text(&title, 15.0, INK, Anchor::Left, (2.0, 10.0)).map_err(|refused| self.refused(&refused))?;
        }
        let spots = self.drawing.draw(&Canvas::new(area, medium, top)).map_err(|refused| self.refused(&refused))?;
        Ok(spots.into_iter().map(|spot| Spot { text: label::clean(&spot.text), ..spot }).collect())
    }

    fn refused(&self, refused: &Refused) -> PlotError {
        PlotError::Draw { plot: self.name.clone(), message: refused.0.clone() }
    }
}

fn pixels(wide: f64, high: f64) -> (u32, u32) {
    ((wide * DENSITY).round() as u32, (high * DENSITY).round() as u32)
}

/// The library's SVG without its outer element and without what says nothing. Quotes and angle brackets of texts are
/// escaped in it, so that none of what is replaced can be a text.
fn compact(svg: &str) -> String {
    let inner = svg.split_once('>').map_or("", |(_, rest)| rest);
    let inner = inner.rsplit_once("</svg>").map_or(inner, |(inner, _)| inner);
    inner
        .replace(" opacity=\"1\"", "")
        .replace(" font-family=\"sans-serif\"", "")
        .replace(" stroke=\"none\"", "")
        .replace(" stroke-width=\"1\"", "")
        .replace("\n</text>", "</text>")
        .replace(">\n", ">")
        .replace(" \"/>", "\"/>")
}
