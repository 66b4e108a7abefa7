import FilterKit
import Groundwork

/// A bar for each model, its length the weighted interval score, its parts dispersion, overprediction and underprediction; a panel for
/// each value of `--by` and each scale.
let scoresPicture = Picture(
  name: "scores", summary: "what each model's weighted interval score is made of, best first", takes: ["--groups", "--panels"], reports: [.scores],
  draw: drawScores)

private let mostBars = 40
private let inks = [Ink(colour: "#56B4E9", mark: "░"), Ink(colour: "#D55E00", mark: "▓"), Ink(colour: "#F0C040", mark: "▒")]

private struct Score {
  let model: String
  let wis: Double
  let parts: [Double]
  /// NaN where the table does not tell.
  let rows: Double
}

private func drawScores(_ input: PictureInput, _ report: Report?) throws -> Drawing {
  final class Read {
    var panels: [(key: Key, scores: [Score])] = []
    var missing = 0
    var infinite = 0
  }
  let read = Read()
  let columns = Report.scores.columns
  let hasRows = input.header.index(of: "n") != nil
  try input.readReport(columns + (hasRows ? ["n"] : []), before: hasRows ? "n" : "wis") { model, key, numbers in
    let score = Score(model: model, wis: numbers[0], parts: Array(numbers[1...3]), rows: hasRows ? numbers[4] : .nan)
    if numbers.contains(where: \.isNaN) {
      read.missing += 1
      return
    }
    if !numbers.allSatisfy(\.isFinite) {
      read.infinite += 1
      return
    }
    if let k = read.panels.firstIndex(where: { $0.key == key }) { read.panels[k].scores.append(score) } else { read.panels.append((key, [score])) }
  }
  guard !read.panels.isEmpty else {
    throw input.session.failure(
      "nothing to draw: every score is \(read.infinite == 0 ? "missing" : read.missing == 0 ? "infinite" : "missing or infinite")")
  }

  var caption = Caption()
  let shown = input.panels(read.panels.inOrder(of: \.key), "panel", &caption)
  caption.leaveOut(read.missing, "model", "without a score")
  caption.leaveOut(read.infinite, "model", "whose score is infinite")
  let counts: [Double] = shown.flatMap { $0.scores.map(\.rows) }
  let rows = counts.filter { $0 >= 1 && $0 < 1e15 }.map { Int($0) }
  if let low = rows.min(), let high = rows.max() {
    caption.say(low == high ? "mean over \(groupedCount(low, "row"))" : "means over \(grouped(low)) to \(groupedCount(high, "row"))")
  }
  caption.say("lower is better")
  let isUneven = shown.contains { panel in panel.scores.contains { $0.rows != panel.scores[0].rows && !$0.rows.isNaN } }
  if isUneven { caption.say("models are scored on different rows") }
  var drawing = Drawing(panels: [])
  drawing.panels = try shown.map { key, scores in
    let sorted = scores.sorted { ($0.wis, $0.model) < ($1.wis, $1.model) }
    caption.leaveOut(max(0, sorted.count - mostBars), of: sorted.count, "model")
    return try panel(Array(sorted.prefix(mostBars)), key.title, input)
  }
  drawing.caption = caption
  drawing.columns = 2
  drawing.panelWidth = shown.count == 1 ? 640 : 480
  return drawing
}

private func panel(_ scores: [Score], _ title: [String], _ input: PictureInput) throws -> Panel {
  var boxes: [[Box]] = Report.scores.columns.dropFirst().map { _ in [] }
  var labels: [(at: Point, text: String)] = []
  for (k, score) in scores.enumerated() {
    // The best on top.
    let y = Double(scores.count - k)
    var (positive, negative) = (0.0, 0.0)
    for (p, value) in score.parts.enumerated() {
      let from = value < 0 ? negative : positive
      boxes[p].append(Box(x: min(from, from + value)...max(from, from + value), y: (y - 0.35)...(y + 0.35)))
      if value < 0 { negative += value } else { positive += value }
    }
    labels.append((Point(x: positive, y: y), significant(score.wis)))
  }
  let ends = boxes.joined().flatMap { [$0.x.lowerBound, $0.x.upperBound] }
  guard ends.allSatisfy(\.isFinite), let reach = range(of: ends, margin: 0.02, with: [0]) else {
    throw input.session.failure("the scores are too large to be drawn")
  }
  let layers = boxes.indices.map {
    Layer(shape: .bars(boxes[$0], isHorizontal: true), name: Report.scores.columns[$0 + 1], ink: inks[$0], edge: .white)
  }
  return Panel(
    title: title, x: Axis(label: "weighted interval score", range: reach), y: .names(scores.reversed().map { modelTitle($0.model) }),
    layers: layers + [Layer(shape: .texts(labels), ink: .black)])
}
