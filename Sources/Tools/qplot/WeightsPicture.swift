import FilterKit
import Groundwork
import Tables

/// The weights of an aggregation over the levels, or over the times of `--order`, stacked; lines where some are negative, bars where there is one
/// level.
let weightsPicture = Picture(
  name: "weights", summary: "how much each model counts at each level, or with --order over time", takes: ["--panels", "--order", "--time-format"],
  reports: [.weights], draw: drawWeights)

/// Where a model has one weight for all levels.
private let everyLevel = 0.5

private struct Weights {
  let key: Key
  /// Of each model, by level.
  var ofModel: [(model: String, points: [Point])] = []
  var isOfEveryLevel = false
}

/// The times of a table of weights.
private final class WeightTimes {
  let name: String
  private var column: TimeColumn
  private var hasClock = false

  init(_ input: PictureInput, _ name: String) throws {
    self.name = name
    column = TimeColumn(try input.session.column(input.header, name), input.header, format: input.timeFormat)
  }

  /// The time of a row; nil where it has none, as the weights after the last time.
  func read(_ row: Row) throws -> Double? {
    guard let time = try column.read(row) else { return nil }
    hasClock = hasClock || time.hasClock
    return time.value
  }

  var kind: Axis.Kind { column.kind == .number || column.kind == nil ? .number : hasClock ? .time : .date }
}

private func drawWeights(_ input: PictureInput, _ report: Report?) throws -> Drawing {
  var caption = Caption()
  let axis = try input.order.map { try WeightTimes(input, $0) }
  let all = try weights(of: input, axis, &caption)
  let shown = input.panels(all, "panel", &caption)
  let levels = Set(shown.flatMap { $0.ofModel.flatMap { $0.points.map(\.x) } }).sorted()

  // The models that count most have a colour each, the others one together.
  var totals: [(model: String, total: Double)] = []
  for (model, points) in shown.flatMap(\.ofModel) {
    let total = points.reduce(0) { $0 + abs($1.y) }
    if let k = totals.firstIndex(where: { $0.model == model }) { totals[k].total += total } else { totals.append((model, total)) }
  }
  let counting = totals.enumerated().filter { $0.element.total > 0 }.sorted { ($1.element.total, $0.offset) < ($0.element.total, $1.offset) }.map(
    \.element.model)
  guard !counting.isEmpty else { throw input.session.failure("nothing to draw: every weight is 0") }
  let most = Ink.colourCount
  let kept = counting.count <= most ? counting : Array(counting.prefix(most - 1))
  let shownLevels =
    axis != nil
    ? groupedCount(levels.count, "time")
    : levels.count > 1 ? groupedCount(levels.count, "level") : all[0].isOfEveryLevel ? "all levels alike" : "level \(levelText(levels[0]))"
  caption.say("\(groupedCount(counting.count, "model")), \(shownLevels)")
  if input.header.index(of: "spread") != nil { caption.say("means over rows, whose weights differ") }
  caption.leaveOut(totals.count - counting.count, "model", "without weight")
  let others = Array(counting.dropFirst(kept.count))
  let groups = kept.map { (name: modelTitle($0), models: [$0]) } + (others.isEmpty ? [] : [(name: "\(others.count) others", models: others)])

  let isSigned = shown.contains { $0.ofModel.contains { $0.points.contains { $0.y < 0 } } }
  var drawing = Drawing(panels: [])
  for each in shown {
    drawing.panels.append(levels.count == 1 ? bars(each, counting) : isSigned ? lines(each, groups, levels) : areas(each, groups, levels))
    if let axis, levels.count > 1 {
      (drawing.panels[drawing.panels.count - 1].x.label, drawing.panels[drawing.panels.count - 1].x.kind) = (axis.name, axis.kind)
    }
  }
  // Panels share the range of weights, so that they can be compared.
  let ranges = drawing.panels.map { levels.count == 1 ? $0.x.range : $0.y.range }
  let whole = (ranges.map(\.lowerBound).min() ?? 0)...(ranges.map(\.upperBound).max() ?? 1)
  for k in drawing.panels.indices { if levels.count == 1 { drawing.panels[k].x.range = whole } else { drawing.panels[k].y.range = whole } }
  drawing.caption = caption
  (drawing.panelWidth, drawing.plotHeight) = shown.count == 1 ? (640, 280) : (400, 200)
  drawing.columns = 2
  return drawing
}

private func weights(of input: PictureInput, _ axis: WeightTimes?, _ caption: inout Caption) throws -> [Weights] {
  final class Read {
    var panels: [Weights] = []
    var missing = 0
    var after = 0
  }
  let read = Read()
  try input.readReport(Report.weights.columns, before: "model", except: input.order) { model, key, numbers, row in
    guard !numbers[1].isNaN else { return read.missing += 1 }
    guard abs(numbers[1]) < 1e9 else { throw Failure(.badData, "\(shortestText(numbers[1])) is no weight", at: .init(column: "weight")) }
    let level = numbers[0].isNaN ? everyLevel : try ReportNumbers.level(numbers[0])
    let time = try axis?.read(row)
    if axis != nil, time == nil { return read.after += 1 }
    let p = read.panels.firstIndex { $0.key == key } ?? read.panels.count
    if p == read.panels.count { read.panels.append(Weights(key: key)) }
    read.panels[p].isOfEveryLevel = numbers[0].isNaN
    let m = read.panels[p].ofModel.firstIndex { $0.model == model } ?? read.panels[p].ofModel.count
    if m == read.panels[p].ofModel.count { read.panels[p].ofModel.append((model, [])) }
    read.panels[p].ofModel[m].points.append(Point(x: time ?? level, y: numbers[1]))
  }
  guard !read.panels.isEmpty else { throw input.session.failure("nothing to draw: every weight is missing") }
  caption.leaveOut(read.missing, "row", "without a weight")
  caption.leaveOut(read.after, "row", "without a time")
  // Weights of several levels at one time are drawn as their mean.
  if axis != nil {
    for p in read.panels.indices {
      for m in read.panels[p].ofModel.indices { read.panels[p].ofModel[m].points = means(read.panels[p].ofModel[m].points) }
    }
  }
  return read.panels
}

private func means(_ points: [Point]) -> [Point] {
  Dictionary(grouping: points, by: \.x).map { Point(x: $0.key, y: $0.value.reduce(0) { $0 + $1.y } / Double($0.value.count)) }.sorted { $0.x < $1.x }
}

/// The weights of some models together, by level.
private func sum(_ weights: Weights, _ models: [String], _ levels: [Double]) -> [Double] {
  var sums: [Double: Double] = [:]
  for (model, points) in weights.ofModel where models.contains(model) { for point in points { sums[point.x, default: 0] += point.y } }
  return levels.map { sums[$0] ?? 0 }
}

private func areas(_ weights: Weights, _ groups: [(name: String, models: [String])], _ levels: [Double]) -> Panel {
  var base = [Double](repeating: 0, count: levels.count)
  let layers = groups.enumerated().map { k, group in
    let tops = zip(base, sum(weights, group.models, levels)).map(+)
    defer { base = tops }
    return Layer(
      shape: .area([levels.indices.map { Span(x: levels[$0], low: base[$0], high: tops[$0]) }]), name: group.name, ink: .series(k), edge: .white)
  }
  let top = base.max() ?? 1
  // Weights that add up to 1 fill the panel.
  let reach = abs(top - 1) < 1e-6 ? 1 : 1.05 * top
  return panel(weights, levels, 0...reach, layers)
}

private func lines(_ weights: Weights, _ groups: [(name: String, models: [String])], _ levels: [Double]) -> Panel {
  let layers = groups.enumerated().map { k, group in
    Layer(shape: .markedLine(zip(levels, sum(weights, group.models, levels)).map { Point(x: $0, y: $1) }), name: group.name, ink: .series(k))
  }
  let heights = groups.flatMap { sum(weights, $0.models, levels) }
  let zero = Layer(shape: .line([[Point(x: levels[0], y: 0), Point(x: levels.last!, y: 0)]]), ink: .reference, isDashed: true)
  return panel(weights, levels, range(of: heights + [0], margin: 0.05) ?? 0...1, [zero] + layers)
}

private func panel(_ weights: Weights, _ levels: [Double], _ heights: ClosedRange<Double>, _ layers: [Layer]) -> Panel {
  Panel(title: weights.key.title, x: Axis(label: "level", range: levels[0]...levels.last!), y: Axis(label: "weight", range: heights), layers: layers)
}

private func bars(_ weights: Weights, _ models: [String]) -> Panel {
  let shown = Array(models.prefix(40))
  let values = shown.map { model in weights.ofModel.first { $0.model == model }?.points.last?.y ?? 0 }
  let boxes = values.enumerated().map { k, value in
    let y = Double(shown.count - k)
    return Box(x: min(0, value)...max(0, value), y: (y - 0.35)...(y + 0.35))
  }
  let labels = zip(boxes, values).map { (at: Point(x: $0.x.upperBound, y: ($0.y.lowerBound + $0.y.upperBound) / 2), text: significant($1)) }
  return Panel(
    title: weights.key.title, x: Axis(label: "weight", range: range(of: values, margin: 0.02, with: [0]) ?? 0...1),
    y: .names(shown.reversed().map(modelTitle)),
    layers: [Layer(shape: .bars(boxes, isHorizontal: true), ink: .bar, edge: .thin), Layer(shape: .texts(labels), ink: .black)])
}
