import FilterKit
import Groundwork
import Scoring
import Tables

/// Histogram of the probability integral transform of each model, with the band in which each bar of 95 % of calibrated forecasts
/// lies.
let pitPicture = Picture(
  name: "pit", summary: "histogram of where targets fall within the predicted distributions",
  flags: ["--target", "--groups", "--by", "--bins", "--panels"], draw: drawPIT)

private struct Histogram {
  struct Bin {
    let edges: ClosedRange<Double>
    let density: Double
  }

  let title: String
  let rows: Int
  var bins: [Bin]
}

private func drawPIT(_ input: PictureInput) throws -> Drawing {
  var histograms: [Histogram] = []
  var caption: [String] = []
  let columns = ["pit_lower", "pit_upper", "n", "density"]
  if input.isReport(with: columns) {
    if input.bins != nil { throw Failure(.usage, "--bins has no meaning for a table with bins", remedy: "give it to qscore --pit") }
    try input.report(columns, before: "pit_lower", writtenBy: "qscore --pit") { model, part, numbers in
      let title = seriesTitle(model, [part])
      guard !numbers.contains(where: \.isNaN) else { return }
      let (lower, upper, rows, density) = (numbers[0], numbers[1], numbers[2], numbers[3])
      guard lower >= 0, lower < upper, upper <= 1 else { throw Failure(.badData, "a bin from \(shortestText(lower)) to \(shortestText(upper)) is none", at: .init(column: "pit_lower")) }
      guard density >= 0, density < 1e6 else { throw Failure(.badData, "\(shortestText(density)) is not a density", at: .init(column: "density")) }
      let bin = Histogram.Bin(edges: lower...upper, density: density)
      let count = try ReportNumbers.rowCount(rows)
      if let k = histograms.firstIndex(where: { $0.title == title }) { histograms[k].bins.append(bin) } else {
        histograms.append(Histogram(title: title, rows: count, bins: [bin]))
      }
    }
  } else {
    let count = input.bins ?? 10
    let rows = try ScoredRows(input, count: { _ in count }) { group in
      let transform = ProbabilityIntegralTransform(levels: group.levels, bins: count)
      var masses = [Double](repeating: 0, count: count)
      return { quantiles, target, values in
        transform.evaluate(quantiles: quantiles, target: target, into: &masses)
        for k in 0..<count { values[k] += masses[k] }
      }
    }
    histograms = rows.sums.map { sums in
      let bins = sums.values.enumerated().map { k, mass in
        Histogram.Bin(edges: Double(k) / Double(count)...Double(k + 1) / Double(count), density: mass * Double(count) / Double(sums.rows))
      }
      return Histogram(title: seriesTitle(sums.model, [sums.part]), rows: sums.rows, bins: bins)
    }
    caption = rows.leftOut
  }
  guard !histograms.isEmpty else { throw input.session.failure("nothing to draw: every density is missing") }

  let shown = Array(histograms.prefix(input.panels ?? max(4, nameCount(input.groups))))
  if shown.count < histograms.count { caption.append("left out: \(histograms.count - shown.count) of \(histograms.count) histograms") }
  caption.insert(rowCaption(shown.map(\.rows)), at: 0)
  let highest = shown.flatMap { $0.bins.map(\.density) + bands($0).map(\.y.upperBound) }.max() ?? 1
  let height = 1.08 * max(highest, 1.5)
  let panels = shown.map { histogram in
    Panel(
      title: histogram.title, x: Axis(label: "probability integral transform", range: 0...1), y: Axis(label: "density", range: 0...height),
      layers: [
        Layer(shape: .boxes(histogram.bins.map { Box(x: $0.edges, y: 0...$0.density) }), ink: Ink(colour: "#56B4E9", mark: "█")),
        Layer(shape: .line(bands(histogram).flatMap { band in [band.y.lowerBound, band.y.upperBound].map { y in [band.x.lowerBound, band.x.upperBound].map { Point(x: $0, y: y) } } }), name: "95 % band", ink: Ink(colour: "#333333", mark: "=")),
        Layer(shape: .line([[Point(x: 0, y: 1), Point(x: 1, y: 1)]]), name: "calibrated", ink: .reference, isDashed: true),
      ])
  }
  var drawing = Drawing(panels: panels, caption: caption)
  drawing.columns = 2
  drawing.panelSize = panels.count == 1 ? (560, 320) : (400, 260)
  return drawing
}

/// For each bin, the densities between which 95 % of calibrated forecasts lie.
private func bands(_ histogram: Histogram) -> [Box] {
  histogram.bins.map { bin in
    let width = bin.edges.upperBound - bin.edges.lowerBound
    guard width < 1 else { return Box(x: bin.edges, y: 1...1) }
    let ends = [0.025, 0.975].map { Double(binomialQuantile($0, count: histogram.rows, probability: width)) / Double(histogram.rows) / width }
    return Box(x: bin.edges, y: ends[0]...ends[1])
  }
}

private func nameCount(_ names: String?) -> Int { names.map { $0.split(separator: ",", omittingEmptySubsequences: false).count } ?? 0 }
