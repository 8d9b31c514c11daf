//! A chart as a picture, for formats that cannot draw.

use dustwatch_analytics::notice::Figure;
use typst_render::RenderOptions;

use crate::typeset::{Fonts, Template, pages};
use crate::{DocumentError, data};

/// Pixels a point: 216 a inch, which prints well.
const PIXELS_PER_POINT: f64 = 3.0;

/// A picture and its size.
pub(crate) struct Picture {
    /// PNG.
    pub(crate) bytes: Vec<u8>,
    /// Width in pixels; the type area's.
    pub(crate) width: u32,
    /// Height in pixels.
    pub(crate) height: u32,
}

/// The bars of a figure.
pub(crate) fn picture(figure: &Figure, fonts: &Fonts) -> Result<Picture, DocumentError> {
    let document = pages(fonts, &Template::of_chart(), "figure.json", &data::figure(figure))?;
    let page = document
        .pages()
        .first()
        .ok_or_else(|| DocumentError::Defect("a chart without a page".to_owned()))?;
    let options = RenderOptions {
        pixel_per_pt: PIXELS_PER_POINT.into(),
        ..RenderOptions::default()
    };
    let pixels = typst_render::render(page, &options);
    let (width, height) = (pixels.width(), pixels.height());
    let bytes = pixels
        .encode_png()
        .map_err(|error| DocumentError::Defect(error.to_string()))?;
    Ok(Picture { bytes, width, height })
}
