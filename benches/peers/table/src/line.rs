//! A line of results, as every program prints it.

use serde_json::Value;

pub(crate) struct Line(Value);

impl Line {
    /// Reads the last line of what a program printed.
    pub(crate) fn parse(printed: &str) -> Result<Self, String> {
        let line = printed.lines().last().unwrap_or_default();
        let value: Value = serde_json::from_str(line).map_err(|error| format!("no line of results: {error}"))?;
        if value.is_object() { Ok(Self(value)) } else { Err("the results are not an object".to_owned()) }
    }

    /// A figure; nothing if the store has none.
    pub(crate) fn figure(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.as_f64()
    }

    /// How busy the machine was when the run began, over the last minute.
    pub(crate) fn load_average(&self) -> Option<f64> {
        self.0.get("loadavg_start")?.as_str()?.split('/').next()?.parse().ok()
    }

    /// The roots after loading and at the end.
    pub(crate) fn roots(&self) -> (Option<&str>, Option<&str>) {
        let root = |name| self.0.get(name).and_then(Value::as_str);
        (root("root_loaded"), root("root"))
    }
}

/// The median of a figure over the rounds; nothing if a round has none.
pub(crate) fn median(lines: &[Line], name: &str) -> Option<f64> {
    let mut figures: Vec<f64> = lines.iter().map(|line| line.figure(name)).collect::<Option<_>>()?;
    figures.sort_unstable_by(f64::total_cmp);
    let middle = figures.len() / 2;
    if figures.len() % 2 == 1 { Some(figures[middle]) } else { Some((figures.get(middle)? + figures[middle.checked_sub(1)?]) / 2.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(figures: &[&str]) -> Vec<Line> {
        figures
            .iter()
            .map(|figure| Line::parse(&format!("noise\n{{\"x\":{figure},\"root\":\"ab\",\"loadavg_start\":\"1.50/2.00/3.00\"}}")).unwrap())
            .collect()
    }

    #[test]
    fn medians_are_of_the_middle_and_need_every_round() {
        assert_eq!(median(&lines(&["5", "1", "3"]), "x"), Some(3.0));
        assert_eq!(median(&lines(&["5", "1", "4", "2.0"]), "x"), Some(3.0));
        assert_eq!(median(&lines(&["5", "null"]), "x"), None);
        assert_eq!(median(&[], "x"), None);
    }

    #[test]
    fn what_is_no_line_of_results_is_refused() {
        assert!(Line::parse("").is_err() && Line::parse("5").is_err() && Line::parse("thread panicked").is_err());
        assert_eq!(lines(&["1"])[0].roots(), (None, Some("ab")));
        assert_eq!(lines(&["1"])[0].load_average(), Some(1.5));
    }
}
