//! Percentiles with confidence intervals, and outliers. Plain functions over samples; nothing here knows what was measured.

mod bootstrap;
mod outliers;
mod percentile;
mod summary;

pub use bootstrap::{CONFIDENCE, Interval, RESAMPLES, SEED, interval, ratio_interval};
pub use outliers::{Fences, fences};
pub use percentile::{is_resolved, percentile, sorted};
pub use summary::{Estimate, Summary, summarise};
