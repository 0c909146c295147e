//! Scales and axes of drawings.

use serde::{Serialize, Serializer};

/// Pixels of a drawing, written to a tenth.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Px(pub(super) f64);

impl Serialize for Px {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tenths = (self.0 * 10.0).round() / 10.0;
        if tenths.fract() == 0.0 && tenths.abs() < 1e9 {
            serializer.serialize_i64(tenths as i64) // `12`, not `12.0`
        } else {
            serializer.serialize_f64(tenths)
        }
    }
}

/// The lines of an axis with their labels.
#[derive(Debug, Serialize)]
pub(super) struct Axis {
    ticks: Vec<Tick>,
    /// The ends of each line.
    from: Px,
    to: Px,
}

#[derive(Debug, Serialize)]
struct Tick {
    at: Px,
    label: String,
}

/// A linear map from values to pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    left: f64,
    right: f64,
}

impl Scale {
    /// Values from `low` to `high` lie between the pixels `left` and `right`.
    pub(super) fn new(low: f64, high: f64, left: f64, right: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self {
            low,
            high,
            left,
            right,
        }
    }

    /// The pixel of a value.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        self.left + share.clamp(0.0, 1.0) * (self.right - self.left)
    }

    /// Some `count` round values.
    pub(super) fn ticks(&self, count: u32) -> Vec<f64> {
        let raw = (self.high - self.low) / f64::from(count.max(1));
        let power = 10f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let step = step.into_iter().find(|step| *step >= raw).unwrap_or(raw);
        let first = (self.low / step).ceil();
        (0..=2 * count.max(1))
            .map(|number| (first + f64::from(number)) * step)
            .take_while(|tick| *tick <= self.high + step * 1e-6)
            .collect()
    }

    /// An axis beside a chart: horizontal lines from pixel `from` to pixel `to`, one for each of the values.
    pub(super) fn beside(
        &self,
        (from, to): (f64, f64),
        values: impl IntoIterator<Item = f64>,
        label: impl Fn(f64) -> String,
    ) -> Axis {
        let tick = |value| Tick {
            at: Px(self.at(value)),
            label: label(value),
        };
        Axis {
            ticks: values.into_iter().map(tick).collect(),
            from: Px(from),
            to: Px(to),
        }
    }

    /// An axis of times below a chart: vertical lines from pixel `top` to pixel `bottom`.
    pub(super) fn below(&self, top: f64, bottom: f64) -> Axis {
        let seconds = self.high >= 2_000.0;
        let (unit, per_unit) = if seconds { ("s", 1e3) } else { ("ms", 1.0) };
        let range = (self.high - self.low) / per_unit;
        let decimals = match range {
            6.0.. => 0,
            0.6.. => 1,
            _ => 2,
        };
        let tick = |tick: f64| Tick {
            at: Px(self.at(tick)),
            label: format!("{:.decimals$} {unit}", tick / per_unit),
        };
        Axis {
            ticks: self.ticks(6).into_iter().map(tick).collect(),
            from: Px(top),
            to: Px(bottom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pixels_are_short() {
        let written = [0.0, 12.04, 12.06, -0.5].map(|px| serde_json::to_string(&Px(px)).unwrap());
        assert_eq!(written, ["0", "12", "12.1", "-0.5"]);
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(
            Scale::new(0.0, 1000.0, 0.0, 1.0).ticks(5),
            [0.0, 200.0, 400.0, 600.0, 800.0, 1000.0]
        );
        assert_eq!(Scale::new(3.0, 3.0, 0.0, 1.0).ticks(2), [3.0, 3.5, 4.0]);
    }

    proptest! {
        #[test]
        fn nothing_is_drawn_outside(low in 0.0..1e6f64, width in 0.0..1e6f64, value in -1e7..1e7f64, count in 0u32..12) {
            let scale = Scale::new(low, low + width, 100.0, 900.0);
            prop_assert!((100.0..=900.0).contains(&scale.at(value)));
            let ticks = scale.ticks(count);
            prop_assert!(ticks.len() <= 2 * count.max(1) as usize + 1);
            prop_assert!(ticks.is_sorted());
        }
    }
}
