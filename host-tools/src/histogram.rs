//! Distributions of any number of figures in little memory (HDR histograms).

use std::fmt::Write;

use hdrhistogram::Histogram as Hdr;

use crate::summary::Summary;

/// Digits that are kept. Figures below 200,000 are kept as they are, larger ones to within a hundred-thousandth.
const DIGITS: u8 = 5;

/// A distribution of cycles.
#[derive(Clone, Debug)]
pub struct Histogram {
    hdr: Hdr<u64>,
    min: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        // The one error is a number of digits over 5.
        let hdr = Hdr::new(DIGITS).expect("the number of digits is one that the crate takes");
        Self { hdr, min: u64::MAX, max: 0 }
    }
}

impl Histogram {
    /// Adds a figure.
    pub fn add(&mut self, value: u64) {
        // A histogram that grows takes every value.
        self.hdr.saturating_record(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Figures added.
    pub fn count(&self) -> u64 {
        self.hdr.len()
    }

    /// Least, greatest and percentiles; `None` when nothing was added.
    pub fn summary(&self) -> Option<Summary> {
        let rank = |quantile| self.exact(self.hdr.value_at_quantile(quantile));
        let [min, max] = [self.min as i64, self.max as i64];
        (self.count() > 0).then(|| Summary { min, p50: rank(0.5), p99: rank(0.99), p999: rank(0.999), max })
    }

    /// Each figure with how often it came, in order.
    pub fn values(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.hdr.iter_recorded().map(|at| (self.exact(at.value_iterated_to()), at.count_at_value()))
    }

    /// (fraction, figure that this fraction is not greater than), closer and closer to 1.
    pub fn percentiles(&self) -> Vec<(f64, i64)> {
        let steps = self.hdr.iter_quantiles(5);
        let mut points: Vec<_> =
            steps.map(|at| (at.quantile_iterated_to(), self.exact(at.value_iterated_to()))).collect();
        // The crate tells the last one until the histogram's end; the greatest figure is reached once.
        points.dedup();
        points
    }

    /// As a `.hgrm` file, which plotters of HDR histograms read. Figures are turned into another unit by `scale`.
    pub fn hgrm(&self, scale: f64) -> String {
        let mut out =
            format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
        let mut total = 0;
        for at in self.hdr.iter_quantiles(5) {
            let (value, quantile) = (self.exact(at.value_iterated_to()) as f64 * scale, at.quantile_iterated_to());
            total += at.count_since_last_iteration();
            let _ = write!(out, "{value:12.3} {quantile:.12} {total:10} ");
            let _ = match quantile {
                q if q < 1.0 => writeln!(out, "{:14.2}", 1.0 / (1.0 - q)),
                _ => writeln!(out, "{:>14}", "inf"),
            };
        }
        let (mean, deviation) = (self.hdr.mean() * scale, self.hdr.stdev() * scale);
        let _ = writeln!(out, "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]");
        let _ = writeln!(out, "#[Max     = {:12.3}, Total count    = {:12}]", self.max as f64 * scale, self.count());
        let _ = writeln!(out, "#[Buckets = {:12}, SubBuckets     = {:12}]", self.hdr.buckets(), 1u64 << 18);
        out
    }

    /// The histogram names the last figure of a bucket; never past the greatest that was added.
    fn exact(&self, value: u64) -> i64 {
        value.clamp(self.min.min(self.max), self.max) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        values.into_iter().for_each(|value| histogram.add(value));
        histogram
    }

    #[test]
    fn figures_are_those_of_the_sorted_list() {
        assert_eq!(Histogram::default().summary(), None);
        for values in [vec![7], (0..1000).collect(), (1..=10).map(|v| 150_000 + v * v).collect::<Vec<u64>>()] {
            let exact = Summary::of(values.iter().map(|value| *value as i64));
            assert_eq!(of(values).summary(), exact);
        }
        let far = of([1_530_000, 1_530_003, 1_540_000]).summary().unwrap();
        assert_eq!((far.min, far.max), (1_530_000, 1_540_000));
        assert!((far.p50 - 1_530_003).abs() <= 8, "{far:?}");
    }

    #[test]
    fn an_hgrm_file_ends_with_all_of_them() {
        let text = of((1..=1000).map(|value| value * 100)).hgrm(0.01);
        let rows: Vec<Vec<&str>> =
            text.lines().skip(2).filter(|l| !l.starts_with('#')).map(|l| l.split_whitespace().collect()).collect();
        assert!(rows.len() > 20 && rows.iter().all(|row| row.len() == 4), "{text}");
        let median = rows.iter().find(|row| row[1] == "0.500000000000").unwrap();
        assert_eq!((median[0], median[2], median[3]), ("500.000", "500", "2.00"));
        assert_eq!(*rows.last().unwrap(), ["1000.000", "1.000000000000", "1000", "inf"]);
        assert!(text.contains("Total count    =         1000"), "{text}");
    }
}
