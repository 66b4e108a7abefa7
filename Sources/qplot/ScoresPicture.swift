import FilterKit
import Groundwork
import Tables

/// A bar for each model, its length the weighted interval score, its parts dispersion, overprediction and underprediction.
let scoresPicture = Picture(
  name: "scores", summary: "what each model's weighted interval score is made of, best first", flags: [], draw: drawScores)

private let mostBars = 40

private func drawScores(_ input: PictureInput) throws -> Drawing {
  struct Score {
    let title: String
    let wis: Double
    let parts: [Double]
    let rows: Double
  }
  let parts = ["dispersion", "overprediction", "underprediction"]
  var scores: [Score] = []
  var missing = 0
  let command = "qscore"
  let hasRows = input.header.index(of: "n") != nil
  try input.report(["wis"] + parts + (hasRows ? ["n"] : []), before: hasRows ? "n" : "wis", writtenBy: command) { model, part, numbers in
    let title = seriesTitle(model, [part])
    guard !numbers.contains(where: \.isNaN) else {
      missing += 1
      return
    }
    scores.append(Score(title: title.isEmpty ? "(no name)" : title, wis: numbers[0], parts: Array(numbers[1...3]), rows: hasRows ? numbers[4] : .nan))
  }
  guard !scores.isEmpty else { throw input.session.failure("nothing to draw: every score is missing") }
  scores.sort { ($0.wis, $0.title) < ($1.wis, $1.title) }
  var caption: [String] = []
  if hasRows, let low = scores.map(\.rows).min(), let high = scores.map(\.rows).max() {
    caption.append(low == high ? "n = \(shortestText(low))" : "n = \(shortestText(low)) to \(shortestText(high))")
  }
  if missing > 0 { caption.append("left out: \(counted(missing, "row")) without scores") }
  if scores.count > mostBars {
    caption.append("left out: the \(scores.count - mostBars) worst of \(scores.count)")
    scores.removeLast(scores.count - mostBars)
  }

  var boxes: [[Box]] = parts.map { _ in [] }
  var names: [(name: String, place: Double)] = []
  var ends: [Double] = []
  for (k, score) in scores.enumerated() {
    // The best on top.
    let y = Double(scores.count - k)
    names.append((score.title, y))
    var (positive, negative) = (0.0, 0.0)
    for (p, value) in score.parts.enumerated() {
      let from = value < 0 ? negative : positive
      boxes[p].append(Box(x: min(from, from + value)...max(from, from + value), y: (y - 0.35)...(y + 0.35)))
      if value < 0 { negative += value } else { positive += value }
    }
    ends.append(positive)
  }
  guard let reach = range(of: boxes.joined().flatMap { [$0.x.lowerBound, $0.x.upperBound] }, margin: 0.12, with: [0]) else {
    throw input.session.failure("the scores are too large to be drawn")
  }
  let inks = [Ink(colour: "#56B4E9", mark: "░"), Ink(colour: "#D55E00", mark: "▓"), Ink(colour: "#F0C040", mark: "▒")]
  var layers = parts.indices.map { Layer(shape: .boxes(boxes[$0]), name: parts[$0], ink: inks[$0]) }
  layers.append(
    Layer(shape: .texts(zip(zip(ends, names), scores).map { (at: Point(x: $0.0, y: $0.1.place), text: significant($1.wis)) }), ink: Ink(colour: "#222222", mark: " ")))
  var drawing = Drawing(
    panels: [Panel(x: Axis(label: "weighted interval score", range: reach), y: Axis(label: "", range: 0.4...(Double(scores.count) + 0.6), kind: .names(names)), layers: layers)],
    caption: caption)
  drawing.panelSize = (640, 75 + 26 * Double(scores.count))
  drawing.panelLines = 5 + 2 * scores.count
  return drawing
}

/// A number to four significant digits.
private func significant(_ value: Double) -> String {
  guard value != 0, value.isFinite else { return shortestText(value) }
  var magnitude = abs(value)
  var digits = 3
  while magnitude >= 10, digits > 0 { (magnitude, digits) = (magnitude / 10, digits - 1) }
  while magnitude < 1, digits < 12 { (magnitude, digits) = (magnitude * 10, digits + 1) }
  let scale = (0..<digits).reduce(1.0) { power, _ in power * 10 }
  return shortestText((value * scale).rounded() / scale)
}
