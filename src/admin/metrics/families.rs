//! Families of metrics, as Prometheus reads them.

use std::time::Duration;

use jiff::Timestamp;
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram as HistogramSample, LabelPair, Metric, MetricFamily,
    MetricType,
};
use prometheus::{Encoder, TEXT_FORMAT, TextEncoder};

use crate::domain::Histogram;

/// The names of labels with their values.
pub(super) type Labels = Vec<(&'static str, String)>;

/// The type of the page, for the header of the answer.
pub(super) const CONTENT_TYPE: &str = TEXT_FORMAT;

/// The families of a page.
#[derive(Debug, Default)]
pub(super) struct Families {
    families: Vec<MetricFamily>,
}

impl Families {
    /// Something that goes up and down.
    pub(super) fn gauge(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, f64)>,
    ) {
        let sample = |(labels, value)| {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            let mut metric = metric(labels);
            metric.set_gauge(gauge);
            metric
        };
        self.add(name, help, MetricType::GAUGE, samples.into_iter().map(sample).collect());
    }

    /// Something that only goes up while the bridge runs.
    pub(super) fn counter(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, u64)>,
    ) {
        let sample = |(labels, value)| {
            let mut counter = Counter::default();
            counter.set_value(as_float(value));
            let mut metric = metric(labels);
            metric.set_counter(counter);
            metric
        };
        self.add(name, help, MetricType::COUNTER, samples.into_iter().map(sample).collect());
    }

    /// How often something took how long, in seconds.
    pub(super) fn histogram<'h>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, &'h Histogram)>,
    ) {
        let sample = |(labels, times): (Labels, &Histogram)| {
            let mut histogram = HistogramSample::default();
            histogram.set_sample_count(times.count());
            histogram.set_sample_sum(times.sum().as_secs_f64());
            histogram.set_bucket(times.cumulative().map(bucket).collect());
            let mut metric = metric(labels);
            metric.set_histogram(histogram);
            metric
        };
        self.add(name, help, MetricType::HISTOGRAM, samples.into_iter().map(sample).collect());
    }

    /// A family without samples is left out.
    fn add(&mut self, name: &str, help: &str, kind: MetricType, samples: Vec<Metric>) {
        if samples.is_empty() {
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        family.set_metric(samples);
        self.families.push(family);
    }

    /// The page.
    pub(super) fn into_text(self) -> Vec<u8> {
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.families, &mut text)
            .expect("each family has a name and samples, and memory takes all bytes");
        text
    }
}

fn bucket((bound, count): (Duration, u64)) -> Bucket {
    let mut bucket = Bucket::default();
    bucket.set_upper_bound(bound.as_secs_f64());
    bucket.set_cumulative_count(count);
    bucket
}

fn metric(labels: Labels) -> Metric {
    let pair = |(name, value): (&str, String)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value);
        pair
    };
    Metric::from_label(labels.into_iter().map(pair).collect())
}

/// A count, exact up to 2^53.
#[allow(clippy::cast_precision_loss)]
pub(super) fn as_float(count: u64) -> f64 {
    count as f64
}

/// 1 for true, as Prometheus counts.
pub(super) fn as_number(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

/// Seconds since 1970.
pub(super) fn seconds(at: Timestamp) -> f64 {
    at.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64()
}
