import Groundwork
import LinearAlgebra
import MethodKit
import Quantiles

/// Conformalized quantile regression whose coverage holds over a class of functions of given columns (Gibbs, Cherian, Candès 2025,
/// "Conformal prediction with conditional guarantees", Journal of the Royal Statistical Society B, §2 to 4).
///
/// With the scores E_i of `ConformalizedQuantileRegression` and the functions Φ of `ConditionalDesign`, both ends move by the threshold
/// T(Φ(x)) of `AugmentedQuantileRegression` at the row: the largest score that the (1 − α)-quantile regression of scores on Φ, the
/// row's own included, still reaches. If rows are exchangeable, every f in the span of Φ with f ≥ 0 has
///
///     E[ f(X) · (1{Y covered} − (1 − α)) ] ≥ 0,
///
/// so the coverage is at least 1 − α overall, in each category given, and under every shift of X whose likelihood ratio is such an f.
/// Nothing is randomised, which errs on the side of coverage: by some d/n for d functions. Where the rows alike are too few the
/// threshold, and so the end, is infinite. One category alone is Mondrian calibration (`--by`), no column split CQR.
///
/// A labelled row is answered by the others, at the price of any other row. Fitting is O(n d²) a pair, an answer some d steps of
/// O(d²), and equal rows of the design share one.
public struct ConditionalCQR: Calibrator {
  public static let description = MethodDescription(
    name: "conditional",
    summary: "cqr that covers over every linear function of the --given columns: in each category, and where their numbers are large or small")

  public init(settings: Settings) {}

  public var usesFeatures: Bool { true }
  public var takesWeights: Bool { false }

  /// Without features the only function is the constant. Throws a `Failure` for weights.
  public func fit(_ training: CalibrationTraining, context: FitContext) throws -> any FittedCalibrator { try learn(training, context) }

  private func learn(_ training: CalibrationTraining, _ context: FitContext) throws -> FittedConditional {
    guard training.weights == nil else {
      throw Failure(.usage, "\(Self.description.name) takes no weights", remedy: "name what the shift depends on in --given")
    }
    let n = training.target.count
    let features = training.features ?? FeatureTable(names: [], columns: [], rows: n)
    let width = ConditionalDesign.width(features)
    guard width <= ConditionalDesign.mostTaught else {
      throw Failure(
        .badData, "conditional covers over \(width) functions of --given, and \(ConditionalDesign.mostTaught) are the most that end in good time",
        remedy: "a column of many categories goes to --by")
    }
    let measure = ConformalizedQuantileRegression(levels: training.levels, settings: try Settings(of: ConformalizedQuantileRegression.description))
    return FittedConditional(
      levels: training.levels, measure: measure, width: width,
      design: (0..<n).flatMap { ConditionalDesign.row(features, $0) },
      scores: measure.bounds.indices.map { training.scores(measure, bound: $0) }, threads: context.threads)
  }

  public func leaveOneOut(_ training: CalibrationTraining, context: FitContext) throws -> LeaveOneOut {
    let fitted = try learn(training, context)
    return LeaveOneOut(full: fitted) { fitted.without(row: $0) }
  }

  public func decode(_ reader: inout ByteReader) throws -> any FittedCalibrator { try FittedConditional(decoding: &reader) }
}

/// Scores and rows of the design that taught.
final class FittedConditional: FeatureDependentCalibrator, BinaryCodable, @unchecked Sendable {
  let levels: [Double]
  private let measure: ConformalizedQuantileRegression
  private let width: Int
  /// n × width, row-major.
  private let design: [Double]
  /// Of each bound, n scores; NaN where a row has none.
  private let scores: [[Double]]
  private let thresholds: [ConditionalThresholds]
  private let marginal: [Double]

  private let monitor = Monitor()
  private var known: [[Double]: FittedSplitConformal<ConformalizedQuantileRegression>] = [:]
  /// Answers remembered at once: streams go on for ever.
  private static let memory = 1 << 14

  init(levels: [Double], measure: ConformalizedQuantileRegression, width: Int, design: [Double], scores: [[Double]], threads: Int) {
    self.levels = levels
    self.measure = measure
    self.width = width
    self.design = design
    self.scores = scores
    let bounds = measure.bounds
    var space: RowSpace?
    thresholds = bounds.indices.map { k in
      let isComplete = !scores[k].contains(where: \.isNaN)
      let made = ConditionalThresholds(design, columns: width, scores: scores[k], coverage: bounds[k].coverage, space: isComplete ? space : nil)
      space = space ?? made.sharedSpace
      return made
    }
    let thresholds = thresholds
    parallelFor(bounds.count, threads: threads) { thresholds[$0].prepare() }
    marginal = thresholds.map(\.marginalThreshold)
  }

  private func fitted(_ values: [Double]) -> FittedSplitConformal<ConformalizedQuantileRegression> {
    FittedSplitConformal(levels: levels, measure: measure, thresholds: values, rows: thresholds.map(\.rows))
  }

  private func answer(at row: [Double]) -> FittedSplitConformal<ConformalizedQuantileRegression> {
    if let answer = monitor.locked({ known[row] }) { return answer }
    let answer = fitted(thresholds.map { $0.threshold(at: row) })
    monitor.locked {
      if known.count >= FittedConditional.memory { known = [:] }
      known[row] = answer
    }
    return answer
  }

  func given(_ features: FeatureTable, row: Int) -> any FittedCalibrator { answer(at: ConditionalDesign.row(features, row)) }

  func fits(hasWeights: Bool, features: FeatureTable?) -> Bool {
    guard !hasWeights, let features, ConditionalDesign.width(features) == width else { return false }
    return stride(from: 0, to: design.count, by: width).allSatisfy { ConditionalDesign.isRow(design[$0..<$0 + width], of: features) }
  }

  func without(row i: Int) -> any FittedCalibrator {
    let row = Array(design[i * width..<(i + 1) * width])
    return fitted(thresholds.map { $0.threshold(at: row, withoutRow: i) })
  }

  /// A row of which nothing is given is answered by the constant alone, where that is all there is, and else without an end.
  func calibrate(_ row: UnsafeMutableBufferPointer<Double>, weight: Double) {
    (width == 1 ? answer(at: [1]) : fitted(thresholds.map { _ in .infinity })).calibrate(row, weight: weight)
  }

  /// Amounts are those of plain CQR, beside which each row has its own.
  var corrections: [Correction] {
    fitted(marginal).corrections.map {
      Correction(
        lowerLevel: $0.lowerLevel, upperLevel: $0.upperLevel, amount: $0.amount,
        effect: width == 1 ? $0.effect : "\($0.effect) if all rows were alike, each row by its own amount",
        rows: $0.rows, rowsNeeded: $0.rowsNeeded)
    }
  }

  var summary: [(key: String, value: String)] { fitted(marginal).summary + [("functions", "\(width)")] }

  func encode(into writer: inout ByteWriter) {
    writer.write(levels)
    writer.write(width)
    writer.write(design)
    for column in scores { writer.write(column) }
  }

  convenience init(decoding reader: inout ByteReader) throws {
    let levels = try reader.readArray(of: Double.self)
    guard Levels.areProper(levels), let settings = try? Settings(of: ConformalizedQuantileRegression.description) else { throw ByteReader.damaged }
    let measure = ConformalizedQuantileRegression(levels: levels, settings: settings)
    let width = try reader.readInt()
    let design = try reader.readArray(of: Double.self)
    guard (1...ConditionalDesign.mostFunctions).contains(width), design.count % width == 0, design.allSatisfy(\.isFinite),
      stride(from: 0, to: design.count, by: width).allSatisfy({ design[$0] == 1 })
    else {
      throw ByteReader.damaged
    }
    let scores = try measure.bounds.map { _ in try reader.readArray(of: Double.self) }
    guard scores.allSatisfy({ $0.count == design.count / width }) else { throw ByteReader.damaged }
    self.init(levels: levels, measure: measure, width: width, design: design, scores: scores, threads: 1)
  }
}
