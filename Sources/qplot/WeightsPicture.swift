import FilterKit
import Groundwork
import Tables

/// The weights of an aggregation over the levels, stacked; lines where some are negative.
let weightsPicture = Picture(
  name: "weights", summary: "how much each model counts at each level", flags: ["--panels"], draw: drawWeights)

private struct Weights {
  let title: String
  /// Of each model, by level.
  var ofModel: [(model: String, points: [Point])] = []
}

private func drawWeights(_ input: PictureInput) throws -> Drawing {
  let command = "qaggregate --describe"
  let columns = try input.columns(["model", "level", "weight"], writtenBy: command)
  // A table of copies has their number first.
  let held = input.header.index(of: "held")
  var panels: [Weights] = []
  var missing = 0
  let (header, reader) = (input.header, NumberReader())
  try input.forEachRow { row in
    let level = try row.finiteNumber(columns[1], reader, header)
    let weight = try row.finiteNumber(columns[2], reader, header)
    let title = held.map { "held \(row.text($0))" } ?? ""
    guard !level.isNaN, !weight.isNaN else {
      missing += 1
      return
    }
    guard abs(weight) < 1e9 else { throw Failure(.badData, "\(shortestText(weight)) is no weight", at: .init(column: "weight")) }
    let model = row.text(columns[0])
    if panels.last?.title != title, !panels.contains(where: { $0.title == title }) { panels.append(Weights(title: title)) }
    let p = panels.firstIndex { $0.title == title }!
    let point = Point(x: try ReportNumbers.level(level), y: weight)
    if let m = panels[p].ofModel.firstIndex(where: { $0.model == model }) { panels[p].ofModel[m].points.append(point) } else { panels[p].ofModel.append((model, [point])) }
  }
  guard !panels.isEmpty else { throw input.session.failure("nothing to draw: every weight is missing") }
  var caption: [String] = []
  if missing > 0 { caption.append("left out: \(counted(missing, "row")) without a weight") }
  let shown = Array(panels.prefix(input.panels ?? 4))
  if shown.count < panels.count { caption.append("left out: \(panels.count - shown.count) of \(panels.count) copies") }

  // The models that count most have a colour each, the others one together.
  var totals: [(model: String, total: Double)] = []
  for (model, points) in shown.flatMap(\.ofModel) {
    let total = points.reduce(0) { $0 + abs($1.y) }
    if let k = totals.firstIndex(where: { $0.model == model }) { totals[k].total += total } else { totals.append((model, total)) }
  }
  let most = Ink.series.count
  let kept = totals.count <= most ? totals.map(\.model) : Array(totals.sorted { $0.total > $1.total }.prefix(most - 1).map(\.model))
  let othersName = "\(totals.count - kept.count) others"
  if kept.count < totals.count { caption.append("the \(kept.count) models of most weight have an area each") }

  let isSigned = shown.contains { $0.ofModel.contains { $0.points.contains { $0.y < 0 } } }
  let drawn = shown.map { panel($0, kept, othersName, isSigned: isSigned) }
  guard let top = range(of: drawn.flatMap(\.heights), margin: 0.05, with: [0]) else { throw input.session.failure("the weights are too large to be drawn") }
  // Weights that add up to 1 fill the panel.
  let yRange = !isSigned && top.upperBound <= 1.0501 ? 0...max(1, top.upperBound / 1.05) : top
  let levels = shown.flatMap { $0.ofModel.flatMap { $0.points.map(\.x) } }
  let xRange = (levels.min()! < levels.max()!) ? levels.min()!...levels.max()! : (levels[0] - halfWidth)...(levels[0] + halfWidth)
  var drawing = Drawing(
    panels: drawn.map { Panel(title: $0.title, x: Axis(label: "level", range: xRange), y: Axis(label: "weight", range: yRange), layers: $0.layers) }, caption: caption)
  drawing.panelSize = drawn.count == 1 ? (640, 340) : (400, 260)
  drawing.columns = 2
  return drawing
}

/// How far to each side the weights of a single level reach.
private let halfWidth = 0.02

private func panel(_ weights: Weights, _ kept: [String], _ othersName: String, isSigned: Bool) -> (title: String, layers: [Layer], heights: [Double]) {
  let levels = Set(weights.ofModel.flatMap { $0.points.map(\.x) }).sorted()
  var byName: [String: [Double: Double]] = [:]
  for (model, points) in weights.ofModel {
    for point in points { byName[kept.contains(model) ? model : othersName, default: [:]][point.x, default: 0] += point.y }
  }
  let names = kept + (byName[othersName] != nil && !kept.contains(othersName) ? [othersName] : [])
  let places = levels.count == 1 ? [(levels[0], levels[0] - halfWidth), (levels[0], levels[0] + halfWidth)] : levels.map { ($0, $0) }
  var base = [Double](repeating: 0, count: places.count)
  var layers: [Layer] = []
  var heights: [Double] = []
  for (k, name) in names.enumerated() {
    guard let values = byName[name] else { continue }
    let ink = Ink.series[k % Ink.series.count]
    let label = name.isEmpty ? "(no name)" : name
    if isSigned {
      let points = places.map { Point(x: $0.1, y: values[$0.0] ?? 0) }
      heights += points.map(\.y)
      layers.append(Layer(shape: .line([points]), name: label, ink: ink))
      continue
    }
    let spans = places.enumerated().map { p, place in Span(x: place.1, low: base[p], high: base[p] + (values[place.0] ?? 0)) }
    base = spans.map(\.high)
    heights += base
    layers.append(Layer(shape: .area([spans]), name: label, ink: ink))
  }
  return (weights.title, layers, heights)
}
