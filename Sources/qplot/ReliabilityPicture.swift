import FilterKit
import Groundwork
import Scoring
import Tables

/// For each level, the share of targets at or below its quantile, with the band in which 95 % of calibrated forecasts lie.
/// Models with as many rows share a panel, for they share the band; values of `--by` have panels of their own.
let reliabilityPicture = Picture(
  name: "reliability", summary: "level against the observed share of targets at or below its quantile",
  flags: ["--target", "--groups", "--by", "--panels"], draw: drawReliability)

private struct Series {
  let model: String
  let part: String
  let rows: Int
  var points: [Point]
}

private func drawReliability(_ input: PictureInput) throws -> Drawing {
  var series: [Series] = []
  var caption: [String] = []
  if input.isReport(with: ["level", "n", "coverage"]) {
    try input.report(["level", "n", "coverage"], before: "level", writtenBy: "qscore --reliability") { model, part, numbers in
      guard !numbers.contains(where: \.isNaN) else { return }
      let point = Point(x: try ReportNumbers.level(numbers[0]), y: try ReportNumbers.share(numbers[2], column: "coverage"))
      let rows = try ReportNumbers.rowCount(numbers[1])
      if let k = series.firstIndex(where: { $0.model == model && $0.part == part }) { series[k].points.append(point) } else {
        series.append(Series(model: model, part: part, rows: rows, points: [point]))
      }
    }
  } else {
    let rows = try ScoredRows(input, count: \.levels.count) { group in
      { quantiles, target, values in
        for k in group.levels.indices where target <= quantiles[k] { values[k] += 1 }
      }
    }
    series = rows.sums.map { sums in
      Series(model: sums.model, part: sums.part, rows: sums.rows, points: zip(sums.levels, sums.values).map { Point(x: $0, y: $1 / Double(sums.rows)) })
    }
    caption = rows.leftOut
  }
  guard !series.isEmpty else { throw input.session.failure("nothing to draw: every coverage is missing") }

  var panels: [[Series]] = []
  for each in series {
    if let k = panels.firstIndex(where: { $0[0].rows == each.rows && $0[0].part == each.part && $0.count < Ink.series.count }) { panels[k].append(each) } else { panels.append([each]) }
  }
  let shown = Array(panels.prefix(input.panels ?? 4))
  let leftOut = panels.dropFirst(shown.count).reduce(0) { $0 + $1.count }
  if leftOut > 0 { caption.append("left out: \(leftOut) of \(series.count) lines") }
  caption.insert(rowCaption(shown.map { $0[0].rows }), at: 0)
  var order: [String] = []
  for model in shown.joined().map(\.model) where !order.contains(model) { order.append(model) }

  var drawing = Drawing(panels: shown.map { panel($0, order, isOnly: shown.count == 1) }, caption: caption)
  drawing.columns = 2
  drawing.panelSize = shown.count == 1 ? (480, 440) : (400, 360)
  return drawing
}

private func panel(_ series: [Series], _ order: [String], isOnly: Bool) -> Panel {
  let n = series[0].rows
  let levels = Set(series.flatMap { $0.points.map(\.x) }).sorted()
  let inner = levels.map { level in
    Span(
      x: level, low: Double(binomialQuantile(0.025, count: n, probability: level)) / Double(n),
      high: Double(binomialQuantile(0.975, count: n, probability: level)) / Double(n))
  }
  let band = [Span(x: 0, low: 0, high: 0)] + inner + [Span(x: 1, low: 1, high: 1)]
  var layers = [
    Layer(shape: .area([band]), name: "95 % band", ink: .band),
    Layer(shape: .line([[Point(x: 0, y: 0), Point(x: 1, y: 1)]]), ink: .reference, isDashed: true),
  ]
  for each in series {
    let ink = Ink.series[order.firstIndex(of: each.model)! % Ink.series.count]
    let points = each.points.sorted { $0.x < $1.x }
    // One model without a name needs no legend.
    layers.append(Layer(shape: .line([points]), name: each.model.isEmpty ? nil : each.model, ink: ink))
    layers.append(Layer(shape: .points(points), ink: ink))
  }
  return Panel(
    title: isOnly ? series[0].part : seriesTitle(series[0].part, ["n = \(counted(n, "row"))"]), x: Axis(label: "level", range: 0...1), y: Axis(label: "share of targets at or below", range: 0...1),
    layers: layers)
}
