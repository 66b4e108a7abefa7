import FilterKit
import Quantiles
import Scoring

/// For each level, the share of targets at or below its quantile, with the band in which that level of 95 % of calibrated forecasts lies, and around
/// it the one in which all levels of 95 % of them lie.
/// Models with as many rows share a panel, for they share the band; values of `--by` have panels of their own.
let reliabilityPicture = Picture(
  name: "reliability", summary: "level against the observed share of targets at or below its quantile",
  takes: ["--target", "--groups", "--by", "--panels"], isOfRows: true, reports: [.reliability, .perLevel], draw: drawReliability)

private struct Series {
  let model: String
  let key: Key
  let rows: Int
  var points: [Point] = []
  /// Shares between which a level of 95 % of calibrated forecasts lies, and those for all levels together.
  var band: [Span] = []
  var jointBand: [Span] = []

  func sharesBand(with other: Series) -> Bool {
    guard other.rows == rows, other.key == key else { return false }
    let known = Dictionary(band.map { ($0.x, $0) }) { first, _ in first }
    return other.band.allSatisfy { span in known[span.x].map { $0.low == span.low && $0.high == span.high } ?? true }
  }

  /// Of the levels that the points are at.
  mutating func makeJointBand() {
    let levels = points.map(\.x).sorted()
    guard Levels.areProper(levels) else { return }
    let joint = JointCoverageBand(levels: levels)
    jointBand = levels.indices.map { j in
      let shares = joint.shares(j, count: rows)
      return Span(x: levels[j], low: shares.lower, high: shares.upper)
    }
  }
}

private func drawReliability(_ input: PictureInput, _ report: Report?) throws -> Drawing {
  var caption = Caption()
  let all = try report.map { try series(of: input, $0) } ?? series(of: input, &caption)
  guard !all.isEmpty else { throw input.session.failure("nothing to draw: every coverage is missing") }

  var panels: [[Series]] = []
  for each in all {
    if let k = panels.firstIndex(where: { $0[0].sharesBand(with: each) && $0.count < Ink.colourCount }) {
      panels[k].append(each)
    } else {
      panels.append([each])
    }
  }
  let shown = input.panels(panels, "panel", &caption)
  caption.say(rowCaption(shown.map { $0[0].rows }))
  var order: [String] = []
  for model in shown.joined().map(\.model) where !order.contains(model) { order.append(model) }

  var drawing = Drawing(
    panels: shown.map { group in
      let first = group[0]
      var title = first.key.title
      if shown.count > 1 {
        // What else tells it from panels of the same rows.
        let isAlone = shown.filter { $0[0].key == first.key && $0[0].rows == first.rows }.count == 1
        title += isAlone ? [] : [modelTitle(first.model) + (group.count > 1 ? " to \(modelTitle(group.last!.model))" : "")]
        title.append(rowCaption([first.rows]))
      }
      return panel(group, order, title)
    }, caption: caption)
  drawing.columns = 2
  (drawing.panelWidth, drawing.plotHeight) = shown.count == 1 ? (480, 370) : (400, 300)
  return drawing
}

private func series(of input: PictureInput, _ report: Report) throws -> [Series] {
  final class Read { var series: [Series] = [] }
  let read = Read()
  let jointColumns = ["joint_lower", "joint_upper"]
  let hasJoint = report.columns.contains("lower") && jointColumns.allSatisfy { input.header.index(of: $0) != nil }
  try input.readReport(report.columns + (hasJoint ? jointColumns : []), before: "level") { model, key, numbers in
    guard !numbers.contains(where: \.isNaN) else { return }
    let level = try ReportNumbers.level(numbers[0])
    let point = Point(x: level, y: try ReportNumbers.share(numbers[2], column: "coverage"))
    let rows = try ReportNumbers.rowCount(numbers[1])
    let k = read.series.firstIndex { $0.model == model && $0.key == key } ?? read.series.count
    var band = band(at: level, rows: rows)
    // With weights the rows count for fewer, and only the report knows for how many.
    if numbers.count > 3 {
      band.low = try ReportNumbers.share(numbers[3], column: "lower")
      band.high = try ReportNumbers.share(numbers[4], column: "upper")
    }
    if k == read.series.count { read.series.append(Series(model: model, key: key, rows: rows)) }
    read.series[k].points.append(point)
    read.series[k].band.append(band)
    if hasJoint {
      let (low, high) = (try ReportNumbers.share(numbers[5], column: jointColumns[0]), try ReportNumbers.share(numbers[6], column: jointColumns[1]))
      read.series[k].jointBand.append(Span(x: level, low: low, high: high))
    }
  }
  // Of a report with weights and without a joint band nobody knows how many rows there are.
  if !report.columns.contains("lower") { for k in read.series.indices { read.series[k].makeJointBand() } }
  return read.series.inOrder(of: \.key)
}

private func series(of input: PictureInput, _ caption: inout Caption) throws -> [Series] {
  let rows = try ScoredRows(input, &caption, count: \.levels.count) { group in
    { quantiles, target, values in
      for k in group.levels.indices where target <= quantiles[k] { values[k] += 1 }
    }
  }
  return rows.sums.map { sums in
    var series = Series(
      model: sums.model, key: sums.key, rows: sums.rows, points: zip(sums.levels, sums.values).map { Point(x: $0, y: $1 / Double(sums.rows)) },
      band: sums.levels.map { band(at: $0, rows: sums.rows) })
    series.makeJointBand()
    return series
  }
}

/// Shares of so many rows between which 95 % of calibrated forecasts lie.
private func band(at level: Double, rows: Int) -> Span {
  let shares = coverageBand(level: level, count: rows, outside: 0.05)
  return Span(x: level, low: shares.lower, high: shares.upper)
}

/// From one corner of the unit square to the other; where models of other levels have other bands, the widest.
private func area(_ spans: [Span]) -> [Span] {
  let ofLevel = Dictionary(spans.map { ($0.x, $0) }) { Span(x: $0.x, low: min($0.low, $1.low), high: max($0.high, $1.high)) }
  return [Span(x: 0, low: 0, high: 0)] + ofLevel.values.sorted { $0.x < $1.x } + [Span(x: 1, low: 1, high: 1)]
}

private func panel(_ series: [Series], _ order: [String], _ title: [String]) -> Panel {
  let (band, jointBand) = (area(series.flatMap(\.band)), area(series.flatMap(\.jointBand)))
  // Of one level both are the same.
  let isWider = zip(band, jointBand).contains { $0.low != $1.low || $0.high != $1.high } && jointBand.count > 2
  var layers = isWider ? [Layer(shape: .area([jointBand]), name: "95 % band of all levels", ink: .wideBand, legendRank: -3)] : []
  layers += [
    Layer(shape: .area([band]), name: isWider ? "of each level" : "95 % band", ink: .band, legendRank: -2),
    Layer(shape: .line([[Point(x: 0, y: 0), Point(x: 1, y: 1)]]), name: "calibrated", ink: .reference, isDashed: true, legendRank: -1),
  ]
  for each in series {
    // One model without a name needs no legend.
    let name = each.model.isEmpty && order.count == 1 ? nil : modelTitle(each.model)
    layers.append(Layer(shape: .markedLine(each.points.sorted { $0.x < $1.x }), name: name, ink: .series(order.firstIndex(of: each.model)!)))
  }
  return Panel(
    title: title, x: Axis(label: "level", range: 0...1), y: Axis(label: "share of targets at or below", range: 0...1), isGridded: true, layers: layers
  )
}
