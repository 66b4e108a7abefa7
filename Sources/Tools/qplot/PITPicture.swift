import FilterKit
import Groundwork
import Scoring
import Tables

/// Histogram of the probability integral transform of each model, with the band in which each bar of 95 % of calibrated forecasts
/// lies.
let pitPicture = Picture(
  name: "pit", summary: "histogram of where targets fall within the predicted distributions",
  takes: ["--target", "--groups", "--by", "--bins", "--panels"], isOfRows: true, reports: [.pit], draw: drawPIT)

private struct Histogram {
  struct Bin {
    let edges: ClosedRange<Double>
    let density: Double
    /// Variance of a calibrated forecast's mass in the bin, relative to that of mass that falls in it or not: see `spread`.
    var spread = 1.0
  }

  let model: String
  let key: Key
  let rows: Int
  var bins: [Bin]
}

private func drawPIT(_ input: PictureInput, _ report: Report?) throws -> Drawing {
  var caption = Caption()
  let all = try report.map { try histograms(of: input, $0) } ?? histograms(of: input, &caption)
  guard !all.isEmpty else { throw input.session.failure("nothing to draw: every density is missing") }

  let shown = input.panels(all, "histogram", &caption)
  caption.say(rowCaption(shown.map(\.rows)))
  if report != nil { caption.say("the band is of bins that end at levels, and else too wide") }
  let highest = shown.flatMap { $0.bins.map(\.density) + bands($0).map(\.y.upperBound) }.max() ?? 1
  let height = 1.08 * max(highest, 1.5)
  let panels = shown.map { histogram in
    let bands = bands(histogram)
    let edges = bands.flatMap { band in
      [band.y.lowerBound, band.y.upperBound].map { y in [Point(x: band.x.lowerBound, y: y), Point(x: band.x.upperBound, y: y)] }
    }
    return Panel(
      title: [histogram.model].filter { !$0.isEmpty } + histogram.key.title + (shown.count > 1 ? [rowCaption([histogram.rows])] : []),
      x: Axis(label: "probability integral transform", range: 0...1), y: Axis(label: "density", range: 0...height),
      layers: [
        Layer(shape: .bars(bands, isHorizontal: false), name: "95 % band", ink: .band),
        Layer(shape: .bars(histogram.bins.map { Box(x: $0.edges, y: 0...$0.density) }, isHorizontal: false), ink: .bar, edge: .thin),
        // What a bar covers of the band is told by its edges.
        Layer(shape: .line(edges), ink: .bandEdge, cells: .none, weight: 0.5),
        Layer(shape: .line([[Point(x: 0, y: 1), Point(x: 1, y: 1)]]), name: "calibrated", ink: .reference, isDashed: true, cells: .free),
      ])
  }
  var drawing = Drawing(panels: panels, caption: caption)
  drawing.columns = 2
  (drawing.panelWidth, drawing.plotHeight) = panels.count == 1 ? (560, 270) : (400, 200)
  return drawing
}

private func histograms(of input: PictureInput, _ report: Report) throws -> [Histogram] {
  final class Read { var histograms: [Histogram] = [] }
  let read = Read()
  try input.readReport(report.columns, before: "pit_lower") { model, key, numbers in
    guard !numbers.contains(where: \.isNaN) else { return }
    let (lower, upper, rows, density) = (numbers[0], numbers[1], numbers[2], numbers[3])
    guard lower >= 0, lower < upper, upper <= 1 else {
      throw Failure(.badData, "a bin from \(shortestText(lower)) to \(shortestText(upper)) is none", at: .init(column: "pit_lower"))
    }
    guard density >= 0, density < 1e6 else { throw Failure(.badData, "\(shortestText(density)) is not a density", at: .init(column: "density")) }
    let bin = Histogram.Bin(edges: lower...upper, density: density)
    let count = try ReportNumbers.rowCount(rows)
    if let k = read.histograms.firstIndex(where: { $0.model == model && $0.key == key }) {
      read.histograms[k].bins.append(bin)
    } else {
      read.histograms.append(Histogram(model: model, key: key, rows: count, bins: [bin]))
    }
  }
  return read.histograms.inOrder(of: \.key)
}

private func histograms(of input: PictureInput, _ caption: inout Caption) throws -> [Histogram] {
  let count = input.bins ?? 10
  let rows = try ScoredRows(input, &caption, count: { _ in count }) { group in
    let transform = ProbabilityIntegralTransform(levels: group.levels, bins: count)
    var masses = [Double](repeating: 0, count: count)
    return { quantiles, target, values in
      transform.evaluate(quantiles: quantiles, target: target, into: &masses)
      for k in 0..<count { values[k] += masses[k] }
    }
  }
  return rows.sums.map { sums in
    let bins = sums.values.enumerated().map { k, mass in
      let edges = Double(k) / Double(count)...Double(k + 1) / Double(count)
      return Histogram.Bin(edges: edges, density: mass * Double(count) / Double(sums.rows), spread: spread(edges, levels: sums.levels))
    }
    return Histogram(model: sums.model, key: sums.key, rows: sums.rows, bins: bins)
  }
}

/// The variance of the mass that a calibrated forecast has in a bin of width p, in units of p (1 − p): 1 where the bin ends at levels,
/// less where it shares the mass between two levels with its neighbours. A target lies between the levels τ_j and τ_j+1 with
/// probability w_j, their difference, and then the share f_j of its mass is in the bin: (Σ w_j f_j² − p²) / (p (1 − p)).
private func spread(_ bin: ClosedRange<Double>, levels: [Double]) -> Double {
  let ends = [0] + levels + [1]
  let width = bin.upperBound - bin.lowerBound
  guard width < 1 else { return 0 }
  let square = zip(ends, ends.dropFirst()).reduce(0.0) { sum, ends in
    let overlap = max(0, min(ends.1, bin.upperBound) - max(ends.0, bin.lowerBound))
    return sum + overlap * overlap / (ends.1 - ends.0)
  }
  return min(max((square - width * width) / (width * (1 - width)), 0), 1)
}

/// For each bin, the densities between which 95 % of calibrated forecasts lie: binomial where the bin ends at levels, and else as much
/// narrower as the standard deviation is smaller.
private func bands(_ histogram: Histogram) -> [Box] {
  histogram.bins.map { bin in
    let width = bin.edges.upperBound - bin.edges.lowerBound
    guard width < 1 else { return Box(x: bin.edges, y: 1...1) }
    let ends = [0.025, 0.975].map { probability in
      let density = Double(binomialQuantile(probability, count: histogram.rows, probability: width)) / Double(histogram.rows) / width
      return 1 + (density - 1) * bin.spread.squareRoot()
    }
    return Box(x: bin.edges, y: ends[0]...ends[1])
  }
}
