//! A chart with a named bar in each row.

use serde::Serialize;

use super::scale::{Axis, Px, Scale};
use crate::text::time;

const WIDTH: f64 = 1000.0;

/// Room for the time behind a bar.
const LABEL: f64 = 70.0;

/// The variables of `charts/bars.svg`.
#[derive(Debug, Serialize)]
pub(super) struct Bars {
    title: &'static str,
    width: Px,
    height: Px,
    axis: Axis,
    names_end: Px,
    bar_height: Px,
    bars: Vec<Bar>,
}

#[derive(Debug, Serialize)]
struct Bar {
    title: String,
    name: String,
    is_faint: bool,
    colour: &'static str,
    x: Px,
    y: Px,
    width: Px,
    middle: Px,
    time: String,
    time_x: Px,
    time_anchor: &'static str,
}

/// A row to draw: a span of time in milliseconds.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) from: f64,
    pub(super) to: f64,
    /// A class of the style sheet.
    pub(super) colour: &'static str,
    /// Whether it is drawn paler than the others.
    pub(super) is_faint: bool,
    /// The text that a pointer over the row shows.
    pub(super) title: String,
}

/// The proportions of a chart, in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// The end of the column of names.
    pub(super) names: f64,
    /// The end of the bars.
    pub(super) right: f64,
    /// The height of a row.
    pub(super) row: f64,
    /// The longest name, in characters: a longer one is cut, and whole in its title.
    pub(super) longest_name: usize,
}

/// Draws the rows on one axis that begins at 0.
pub(super) fn bars(title: &'static str, rows: &[Row], shape: Shape) -> Bars {
    let end = rows.iter().map(|row| row.to).fold(0.0, f64::max);
    let scale = Scale::new(0.0, end, shape.names, shape.right);
    let bottom = rows.len() as f64 * shape.row + 7.0;
    let bars = rows.iter().zip(0u32..).map(|(row, number)| {
        let top = f64::from(number) * shape.row + 5.0;
        let x = scale.at(row.from);
        let width = (scale.at(row.to) - x).max(1.5);
        // Behind the bar, or before it where there is no room behind.
        let (time_x, time_anchor) = if x + width + LABEL < WIDTH {
            (x + width + 7.0, "start")
        } else {
            (x - 7.0, "end")
        };
        Bar {
            title: row.title.clone(),
            name: shortened(&row.name, shape.longest_name),
            is_faint: row.is_faint,
            colour: row.colour,
            x: Px(x),
            y: Px(top),
            width: Px(width),
            middle: Px(top + (shape.row - 7.0) / 2.0),
            time: time(row.to - row.from),
            time_x: Px(time_x),
            time_anchor,
        }
    });
    Bars {
        title,
        width: Px(WIDTH),
        height: Px(bottom + 24.0),
        axis: scale.below(2.0, bottom),
        names_end: Px(shape.names - 12.0),
        bar_height: Px(shape.row - 7.0),
        bars: bars.collect(),
    }
}

fn shortened(name: &str, longest: usize) -> String {
    if name.chars().count() <= longest {
        return name.to_owned();
    }
    name.chars()
        .take(longest.saturating_sub(1))
        .chain(['…'])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut() {
        assert_eq!(shortened("añ", 2), "añ");
        assert_eq!(shortened("añb", 2), "a…");
    }
}
