import Designs
import Glibc
import Groundwork
import LinearAlgebra
import MethodKit
import Quantiles
import Regression

/// Linear quantile regression on what random Fourier features tell of centre and spread.
///
/// With z(x) the `FourierFeatures` of the standardised columns, ridge regressions learn m(x) = zᵀβ of the response and s(x) = zᵀγ of the absolute
/// error of m; then q_τ(x) = a_τ + b_τ m(x) + c_τ s(x) + xᵀd_τ is the exact linear quantile regression on them, for every level by itself. m and s
/// enter it as they are for rows left out (`RidgeRegression`), since in their own fit they look better than they are.
///
/// The features are many, and at an extreme level few rows tell of them: two directions that all levels share are learnt well where a
/// regression on all of them would interpolate.
///
/// Cost: O(n · D²) to learn, O(D · columns) a row to answer.
public struct RandomFourier: Learner {
  public static let description = MethodDescription(
    name: "rff",
    summary: "linear quantile regression on centre and spread learnt by ridge regression on random Fourier features",
    settings: [
      SettingDescription("features", .integer(1...5000), default: "1000", "number of random features, at most as many as rows"),
      SettingDescription(
        "bandwidth", .number(0...1e6), default: "0", "kernel width in units of the median distance of two rows; 0: chosen by leaving rows out"),
    ])

  let count: Int
  let bandwidth: Double

  public init(settings: Settings) {
    count = settings.integer("features")
    bandwidth = settings.number("bandwidth")
  }

  private static let candidates = [0.25, 0.5, 1, 2, 4]
  /// Standardised values are held within this.
  static let limit = 1e6

  public func fit(_ training: TrainingSet, levels: [Double], context: FitContext) throws -> any FittedLearner {
    var used = try RowWeights.used(training.weights, rows: training.target.count)
    // In a random order the first rows are a sample.
    var random = RandomStream(seed: context.seed, stream: 1 << 44)
    random.shuffle(&used)
    let features = training.features.selecting(used)
    let n = used.count
    let weights = training.weights.map { weights in RowWeights.withMeanOne(used.map { weights[$0] }, atLeast: 1e-100).map { max($0, 1e-100) } }
    let given = used.map { training.target[$0] }
    let exponent = Int32(max(given.reduce(0) { max($0, abs($1)) }, .leastNormalMagnitude).exponent)
    var target = given.map { scalbn($0, -exponent) }
    let centre = lowerMedian(target)
    let spread = lowerMedian(target.map { abs($0 - centre) })
    // Where most targets are alike beside huge ones, squares in units of the spread would overflow.
    let unit = spread > 0 ? max(spread, 0x1p-100) : 1
    for i in 0..<n { target[i] = (target[i] - centre) / unit }

    let encoding = DesignEncoding(learning: features, mostCategories: Linear.mostCategories)
    encoding.warn(context)
    var (design, standardisation) = Lasso.standardised(encoding.encode(features), weights: weights)
    for k in design.values.indices { design.values[k] = max(-RandomFourier.limit, min(RandomFourier.limit, design.values[k])) }
    let p = encoding.count
    let rows = design.values

    func ridge(_ map: FourierFeatures, rows count: Int) -> RidgeRegression {
      RidgeRegression(rows: count, columns: map.columns, weights: weights.map { Array($0[..<count]) }, threads: context.threads) { range, z in
        withAddress(rows) { x in for i in range { map.write(x + i * p, to: z + (i - range.lowerBound) * map.columns) } }
      }
    }
    let median = FourierFeatures.medianDistance(rows, count: n, columns: p, seed: context.seed)
    var width = bandwidth
    let inTime = RandomFourierTimes(
      training.times?.selecting(used), rows: rows, columns: p, target: target, weights: weights, median: median, count: count, context: context)
    if let inTime {
      let candidates = width == 0 ? RandomFourier.candidates : [width]
      width = inTime.chooseBandwidth(candidates)
      context.note("bandwidth \(width) times the median distance has the least error on the last rows")
    } else if width == 0 {
      let sample = min(n, 3000)
      var best = Double.infinity
      width = 1
      for (k, candidate) in RandomFourier.candidates.enumerated() {
        let map = FourierFeatures(inputs: p, count: min(count, sample, 300), bandwidth: candidate * median, seed: context.seed)
        if let trial = ridge(map, rows: sample).fit(Array(target[..<sample]), judged: sample), trial.error < best {
          best = trial.error
          width = candidate
        }
        context.progress(0.5 * Double(k + 1) / Double(RandomFourier.candidates.count))
      }
      context.note("bandwidth \(width) times the median distance has the least error of leaving one row out")
    }

    let map = FourierFeatures(inputs: p, count: min(count, n), bandwidth: width * median, seed: context.seed)
    let regression = ridge(map, rows: n)
    guard let location = inTime.map({ $0.location(map, regression) }) ?? regression.fit(target) else { throw RandomFourier.unsolved }
    context.progress(0.7)
    // Rows that nothing earlier answers tell no error.
    let answered = (0..<n).filter { !location.leftOut[$0].isNaN }
    let errors = inTime == nil ? regression : inTime!.ridge(map, of: answered)
    guard
      let scale = errors.fit(
        answered.map { abs(target[$0] - location.leftOut[$0]) }, penalties: inTime == nil ? RidgeRegression.penalties : [location.penalty])
    else { throw RandomFourier.unsolved }
    context.progress(0.9)
    let lowest = scale.leftOut.min()!
    let highest = scale.leftOut.max()!
    let q = 3 + p
    var columns = Matrix(rows: answered.count, columns: q)
    for (k, i) in answered.enumerated() {
      columns[k, 0] = 1
      columns[k, 1] = location.leftOut[i]
      columns[k, 2] = scale.leftOut[k]
      for c in 0..<p { columns[k, 3 + c] = rows[i * p + c] }
    }
    let solution = try QuantileRegression(
      design: columns, target: answered.map { target[$0] }, weights: weights.map { weights in answered.map { weights[$0] } }, levels: levels,
      threads: context.threads)
    context.progress(1)
    let limit = 1e300
    return FittedRandomFourier(
      encoding: encoding, standardisation: standardisation, map: map, location: location.coefficients, scale: scale.coefficients,
      scaleRange: (lowest, highest), levels: levels.count, coefficients: solution.coefficients.values.map { max(-limit, min(limit, $0)) },
      centre: centre, unit: unit, exponent: exponent, trainingRows: n, bandwidth: width)
  }

  private static let unsolved = Failure(
    .internal, "ridge regression on random features lost its factor to rounding", remedy: "drop features of extreme size")

  public static var fitted: any FittedLearner.Type { FittedRandomFourier.self }
}

/// An address even where there is nothing.
private func withAddress(_ values: [Double], _ body: (UnsafePointer<Double>) -> Void) {
  (values.isEmpty ? [0] : values).withUnsafeBufferPointer { body($0.baseAddress!) }
}

struct FittedRandomFourier: FittedLearner {
  let encoding: DesignEncoding
  let standardisation: Standardisation
  let map: FourierFeatures
  let location: [Double]
  let scale: [Double]
  /// Of the training rows left out: s is held within it.
  let scaleRange: (lowest: Double, highest: Double)
  let levels: Int
  /// levels × (1, m, s, columns).
  let coefficients: [Double]
  /// Answers are multiplied by `unit`, `centre` is added, and all times 2^exponent.
  let centre: Double
  let unit: Double
  let exponent: Int32
  let trainingRows: Int
  let bandwidth: Double

  func predict(_ features: FeatureTable) -> Matrix {
    let (n, p) = (features.rows, encoding.count)
    var rows = encoding.encode(features).values
    standardisation.apply(to: &rows)
    for k in rows.indices {
      rows[k] = rows[k].isNaN ? 0 : max(-RandomFourier.limit, min(RandomFourier.limit, rows[k]))
    }
    var answer = Matrix(rows: n, columns: levels)
    var z = [Double](repeating: 0, count: map.columns)
    withAddress(rows) { rows in
      z.withUnsafeMutableBufferPointer { z in
        for i in 0..<n {
          let x = rows + i * p
          map.write(x, to: z.baseAddress!)
          var m = 0.0
          var s = 0.0
          for c in 0..<z.count {
            m += z[c] * location[c]
            s += z[c] * scale[c]
          }
          s = max(scaleRange.lowest, min(scaleRange.highest, s))
          for t in 0..<levels {
            let beta = t * (3 + p)
            var q = coefficients[beta] + coefficients[beta + 1] * m + coefficients[beta + 2] * s
            for c in 0..<p { q += coefficients[beta + 3 + c] * x[c] }
            let value = q * unit + centre
            let whole = scalbn(value.isNaN ? centre : value, exponent)
            answer[i, t] = max(-.greatestFiniteMagnitude, min(.greatestFiniteMagnitude, whole))
          }
        }
      }
    }
    return answer
  }

  var summary: [(key: String, value: String)] {
    [
      ("rows", "\(trainingRows)"), ("columns", "\(encoding.count)"), ("random features", "\(map.phases.count)"),
      ("bandwidth", "\(bandwidth) median distances"),
    ]
  }

  func fits(_ features: FeatureTable, levels: [Double]) -> Bool { encoding.fits(features) && self.levels == levels.count }

  func encode(into writer: inout ByteWriter) {
    encoding.encode(into: &writer)
    standardisation.encode(into: &writer)
    writer.write(map.frequencies)
    writer.write(map.phases)
    writer.write(location)
    writer.write(scale)
    writer.write([scaleRange.lowest, scaleRange.highest, centre, unit, bandwidth])
    writer.write(levels)
    writer.write(coefficients)
    writer.write(Int(exponent))
    writer.write(trainingRows)
  }

  init(
    encoding: DesignEncoding, standardisation: Standardisation, map: FourierFeatures, location: [Double], scale: [Double],
    scaleRange: (lowest: Double, highest: Double), levels: Int, coefficients: [Double], centre: Double, unit: Double, exponent: Int32,
    trainingRows: Int, bandwidth: Double
  ) {
    self.encoding = encoding
    self.standardisation = standardisation
    self.map = map
    self.location = location
    self.scale = scale
    self.scaleRange = scaleRange
    self.levels = levels
    self.coefficients = coefficients
    self.centre = centre
    self.unit = unit
    self.exponent = exponent
    self.trainingRows = trainingRows
    self.bandwidth = bandwidth
  }

  init(decoding reader: inout ByteReader) throws {
    encoding = try DesignEncoding(decoding: &reader)
    standardisation = try Standardisation(decoding: &reader)
    let frequencies = try reader.readArray(of: Double.self)
    let phases = try reader.readArray(of: Double.self)
    location = try reader.readArray(of: Double.self)
    scale = try reader.readArray(of: Double.self)
    let facts = try reader.readArray(of: Double.self)
    levels = try reader.readInt()
    coefficients = try reader.readArray(of: Double.self)
    let power = try reader.readInt()
    trainingRows = try reader.readCounter()
    map = FourierFeatures(inputs: encoding.count, frequencies: frequencies, phases: phases)
    let (expected, overflow) = levels.multipliedReportingOverflow(by: encoding.count + 3)
    guard standardisation.centres.count == encoding.count, frequencies.count == phases.count * encoding.count,
      location.count == map.columns, scale.count == map.columns, facts.count == 5, facts[0] <= facts[1], facts[3] > 0, levels > 0, !overflow,
      coefficients.count == expected, (-1999...1999).contains(power),
      (frequencies + phases + location + scale + facts + coefficients).allSatisfy(\.isFinite)
    else { throw ByteReader.damaged }
    scaleRange = (facts[0], facts[1])
    centre = facts[2]
    unit = facts[3]
    bandwidth = facts[4]
    exponent = Int32(power)
  }
}
