//! Drawing: a linear scale with round ticks, and escaped text.

/// Text inside HTML and SVG.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Not allowed in XML, and of no use in HTML.
            control if control.is_control() && control != '\n' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Milliseconds for a person: `850 ms`, `2.31 s`.
pub(super) fn time(ms: f64) -> String {
    match ms {
        ms if ms >= 9_999.5 => format!("{:.1} s", ms / 1e3),
        ms if ms >= 999.5 => format!("{:.2} s", ms / 1e3),
        ms if ms >= 99.5 => format!("{ms:.0} ms"),
        ms if ms >= 9.95 => format!("{ms:.1} ms"),
        ms => format!("{ms:.2} ms"),
    }
}

/// From values to pixels.
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

    /// Where a value lies.
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

    /// An axis beside a chart, its values written left of `left` by `label`, with lines up to `right`.
    pub(super) fn axis_beside(
        &self,
        left: f64,
        right: f64,
        label: impl Fn(f64) -> String,
    ) -> String {
        let mut drawn = String::new();
        for tick in self.ticks(4) {
            let y = self.at(tick);
            drawn.push_str(&format!(
                "<line class=\"grid\" x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"faint\" text-anchor=\"end\" x=\"{}\" y=\"{:.1}\">{}</text>",
                left - 8.0,
                y + 4.0,
                label(tick)
            ));
        }
        drawn
    }

    /// A time axis below `bottom`, with lines up to `top`.
    pub(super) fn axis(&self, top: f64, bottom: f64) -> String {
        let mut drawn = String::new();
        let seconds = self.high >= 2_000.0;
        for tick in self.ticks(6) {
            let (x, value) = (self.at(tick), if seconds { tick / 1e3 } else { tick });
            let digits = (self.high - self.low) / if seconds { 1e3 } else { 1.0 };
            let decimals = if digits >= 6.0 {
                0
            } else if digits >= 0.6 {
                1
            } else {
                2
            };
            let unit = if seconds { "s" } else { "ms" };
            drawn.push_str(&format!(
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>\
                 <text class=\"faint\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{}\">{value:.decimals$} {unit}</text>",
                bottom + 16.0
            ));
        }
        drawn
    }
}

/// A drawing of this size in pixels of its own.
pub(super) fn drawing(width: f64, height: f64, title: &str, inside: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {width} {height:.0}\" role=\"img\" aria-label=\"{}\">{inside}</svg>",
        escape(title)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_short() {
        let told = [0.5, 12.34, 850.0, 999.7, 2310.0, 61_234.0].map(time);
        assert_eq!(
            told,
            ["0.50 ms", "12.3 ms", "850 ms", "1.00 s", "2.31 s", "61.2 s"]
        );
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

        #[test]
        fn escaped_text_has_no_markup(text in ".{0,40}") {
            let escaped = escape(&text);
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
        }
    }
}
