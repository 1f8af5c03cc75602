//! What is printed: a row for each figure, the goal beside it, and whether it is met.

use std::time::Duration;

/// What a figure is to be.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

/// How a figure is written.
pub(crate) type Unit = fn(f64) -> String;

/// A row with a figure, its goal, and whether it is met.
pub(crate) fn against(what: &str, unit: Unit, figure: f64, goal: Goal) {
    let (written, is_met) = match goal {
        Goal::AtMost(most) => (format!("<= {}", unit(most)), figure <= most),
        Goal::AtLeast(least) => (format!(">= {}", unit(least)), figure >= least),
    };
    let verdict = if is_met { "met" } else { "missed" };
    println!("{what:<56} {:>12} {written:>14}  {verdict}", unit(figure));
}

/// A row with a figure that has no such goal.
pub(crate) fn row(what: &str, measured: &str, goal: &str) {
    println!("{what:<56} {measured:>12} {goal:>14}");
}

pub(crate) fn in_ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

pub(crate) fn in_us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

pub(crate) fn millis(time: Duration) -> String {
    written_ms(in_ms(time))
}

pub(crate) fn micros(time: Duration) -> String {
    written_us(in_us(time))
}

pub(crate) fn written_ms(figure: f64) -> String {
    format!("{figure:.2} ms")
}

pub(crate) fn written_us(figure: f64) -> String {
    format!("{figure:.0} µs")
}

pub(crate) fn written_count(figure: f64) -> String {
    format!("{figure:.1}")
}

pub(crate) fn written_times(figure: f64) -> String {
    format!("{figure:.2} x")
}

pub(crate) fn written_rate(figure: f64) -> String {
    format!("{figure:.0}/s")
}

/// Of kilobytes.
pub(crate) fn written_mb(figure: f64) -> String {
    format!("{:.1} MB", figure / 1024.0)
}

/// Of bytes.
pub(crate) fn written_kb(figure: f64) -> String {
    format!("{:.1} kB", figure / 1e3)
}

pub(crate) fn ratio_of(with: Duration, without: Duration) -> String {
    written_times(with.as_secs_f64() / without.as_secs_f64())
}

pub(crate) fn each(messages: usize) -> u32 {
    u32::try_from(messages).expect("not that many")
}
