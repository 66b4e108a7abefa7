import Designs
import Glibc
import Groundwork
import LinearAlgebra
import MethodKit
import Quantiles
import Regression

/// ℓ1-penalised linear quantile regression: q_τ(x) = b(τ) + xᵀβ(τ), for every level the exact minimiser of
///
///     Σ_i w_i ψ_τ(y_i − b − x_iᵀβ) + λ √(τ(1 − τ)) Σ_j |β_j|
///
/// over columns of mean 0 and variance 1 (Belloni and Chernozhukov 2011). λ is `pivotalPenalty`, times the setting `lambda`, half where
/// nobody says: the whole is what keeps noise out of the model, and shrinks more than is best for prediction. Or it is `pivotalPenalty` times
/// the power of two of least pinball loss over five folds. Features enter as `DesignEncoding` says, the 500 most frequent
/// categories of each with a column, 64 where levels are fused.
///
/// With `fusion` f > 0 all levels are fitted together, with f · pivotalPenalty · √(τ̄(1 − τ̄)) Σ_j |β_j(τ′) − β_j(τ)| added for neighbouring
/// levels τ < τ′, τ̄ their mean: slopes become equal over ranges of levels (`FusedQuantileProcess`, to a certified gap of 10⁻⁹).
public struct Lasso: Learner {
  public static let description = MethodDescription(
    name: "lasso",
    summary: "linear quantile regression with a penalty on the sum of absolute coefficients, exact",
    settings: [
      SettingDescription(
        "penalty", .choice(["pivotal", "cv"]), default: "pivotal",
        "pivotal: the rule of Belloni and Chernozhukov; cv: its multiple by cross-validation"),
      SettingDescription(
        "lambda", .number(0...1e6), default: "0.5", "multiple of the pivotal penalty; 0 is none", search: .among(["0", "0.03", "0.1", "0.3", "1"])),
      SettingDescription(
        "fusion", .number(0...1e6), default: "0",
        "penalty on differences of neighbouring levels' slopes, as a multiple of the pivotal penalty; 0 fits every level by itself"),
    ])

  let crossValidates: Bool
  let multiple: Double
  let fusion: Double

  public init(settings: Settings) {
    crossValidates = settings.choice("penalty") == "cv"
    multiple = settings.number("lambda")
    fusion = settings.number("fusion")
  }

  public func fit(_ training: TrainingSet, levels: [Double], context: FitContext) throws -> any FittedLearner {
    let used = try RowWeights.used(training.weights, rows: training.target.count)
    if multiple == 0 && (fusion == 0 || levels.count == 1) {
      return FittedLasso(
        linear: try Linear(settings: Settings(of: Linear.description)).fit(training, levels: levels, context: context) as! FittedLinear, penalty: 0)
    }
    let features = used.count == training.target.count ? training.features : training.features.selecting(used)
    var target = used.map { training.target[$0] }
    let weights = training.weights.map { weights in RowWeights.withMeanOne(used.map { weights[$0] }, atLeast: 1e-100) }

    let encoding = DesignEncoding(learning: features, mostCategories: fusion > 0 ? Linear.mostCategories : Lasso.mostCategories)
    encoding.warn(context)
    let lowest = target.min()!
    let highest = target.max()!
    let centre = Standardisation.exactCentre(lowest: lowest, highest: highest, values: { target }) ?? 0
    if centre != 0 { for i in target.indices { target[i] -= centre } }
    let (design, standardisation) = Lasso.standardised(encoding.encode(features), weights: weights)

    let pivotal = pivotalPenalty(design, weights: weights, levels: levels, seed: context.seed, threads: context.threads)
    var penalty = pivotal * multiple
    context.progress(0.1)
    if crossValidates && multiple > 0 {
      let factor = try chooseFactor(
        design, target: target, weights: weights, times: training.times?.selecting(used), levels: levels, penalty: penalty, context: context)
      context.note("\(factor * multiple) times the pivotal penalty has the least loss over five folds")
      penalty *= factor
    }
    let (coefficients, violation) =
      fusion > 0 && levels.count > 1
      ? fused(design, target, weights, levels: levels, penalty: penalty, pivotal: pivotal, context)
      : try separate(design, target, weights, levels: levels, penalty: penalty, context)
    context.progress(1)
    let kept = (0..<encoding.count).filter { j in levels.indices.contains { coefficients[$0, j + 1] != 0 } }
    context.note(
      """
      \(features.rows) rows, \(kept.count) of \(encoding.count) columns at some level, penalty \(penalty), largest \
      certificate violation \(violation)
      """
    )
    var transposed = Matrix(rows: kept.count + 1, columns: levels.count)
    let limit = Double.greatestFiniteMagnitude
    for t in levels.indices {
      for (k, j) in ([0] + kept.map { $0 + 1 }).enumerated() { transposed[k, t] = max(-limit, min(limit, coefficients[t, j])) }
    }
    return FittedLasso(
      linear: FittedLinear(
        encoding: encoding.keeping(kept), standardisation: standardisation.keeping(kept), centre: centre, coefficients: transposed,
        trainingRows: features.rows, dropped: encoding.constantFeatures, violation: violation),
      penalty: penalty)
  }

  /// The penalty would keep the columns of rarer categories out.
  static let mostCategories = 500

  /// Every level by itself: a row a level, the intercept first; and the largest violation of the subgradient condition.
  private func separate(
    _ design: Matrix, _ target: [Double], _ weights: [Double]?, levels: [Double], penalty: Double, _ context: FitContext
  ) throws -> (Matrix, violation: Double) {
    let solutions = try Lasso.solve(design, target, weights, levels: levels, penalty: penalty, threads: context.threads)
    let violation = solutions.map(\.certificate.violation).max() ?? 0
    if !solutions.allSatisfy(\.certificate.holds) { Lasso.warnOfRounding(violation, context) }
    return (Matrix(rows: levels.count, columns: design.columns + 1, values: solutions.flatMap { [$0.intercept] + $0.coefficients }), violation)
  }

  /// All levels together: the same, and the gap between primal and dual.
  private func fused(
    _ design: Matrix, _ target: [Double], _ weights: [Double]?, levels: [Double], penalty: Double, pivotal: Double, _ context: FitContext
  ) -> (Matrix, violation: Double) {
    func scaled(_ factor: Double, _ level: Double) -> Double { factor * (level * (1 - level)).squareRoot() }
    // Without a penalty nothing chooses among collinear columns: of these the earlier stay, as in `Linear`.
    let kept = penalty > 0 ? Array(0..<design.columns) : Lasso.independentColumns(design)
    var chosen = Matrix(rows: design.rows, columns: kept.count)
    for i in 0..<design.rows { for (k, j) in kept.enumerated() { chosen[i, k] = design[i, j] } }
    // The program needs some of both penalties; a billionth of a row's weight is as good as none.
    let process = FusedQuantileProcess(
      design: chosen, target: target, weights: weights, levels: levels, penalties: levels.map { max(scaled(penalty, $0), 1e-9) },
      fusions: zip(levels, levels.dropFirst()).map { max(scaled(fusion * pivotal, ($0 + $1) / 2), 1e-9) }, threads: context.threads)
    if process.gap > FusedQuantileProcess.tolerance { Lasso.warnOfRounding(process.gap, context) }
    var coefficients = Matrix(rows: levels.count, columns: design.columns + 1)
    for t in levels.indices {
      for (k, j) in ([0] + kept.map { $0 + 1 }).enumerated() { coefficients[t, j] = process.coefficients[t, k] }
    }
    return (coefficients, max(0, process.gap))
  }

  private static func independentColumns(_ design: Matrix) -> [Int] {
    let width = design.columns + 1
    let rows = (0..<design.rows).flatMap { [1] + design.row($0) }
    return ColumnRank(of: rows, columns: width).kept.filter { $0 > 0 }.map { $0 - 1 }
  }

  private static func warnOfRounding(_ violation: Double, _ context: FitContext) {
    context.warn("rounding kept some levels from a proof of optimality (violation \(violation)); features of less extreme size may help")
  }

  static func solve(
    _ design: Matrix, _ target: [Double], _ weights: [Double]?, levels: [Double], penalty: Double, threads: Int
  ) throws -> [PenalisedQuantileRegression.Solution] {
    let problem = PenalisedQuantileRegression(design: design, target: target, weights: weights)
    guard let solutions = problem.solve(levels: levels, threads: threads, penalties: { penalties(levels[$0], penalty, design.columns) }) else {
      throw Failure(.internal, "penalised quantile regression lost its basis to rounding", remedy: "drop features of extreme size")
    }
    return solutions
  }

  static func penalties(_ level: Double, _ penalty: Double, _ columns: Int) -> [Double] {
    [Double](repeating: max(penalty * (level * (1 - level)).squareRoot(), .leastNormalMagnitude), count: columns)
  }

  /// Columns of mean 0 and variance 1, and the shifts and scales that made them.
  static func standardised(_ raw: Matrix, weights: [Double]?) -> (Matrix, Standardisation) {
    var rows = raw.values
    let (n, p) = (raw.rows, raw.columns)
    // Powers of two first, so that no square overflows.
    let exact = Standardisation(exactlyScaling: rows, columns: p)
    exact.apply(to: &rows)
    var means = [Double](repeating: 0, count: p)
    var squares = means
    for i in 0..<n { for j in 0..<p { means[j] += (weights?[i] ?? 1) * rows[i * p + j] / Double(n) } }
    for i in 0..<n { for j in 0..<p { squares[j] += (weights?[i] ?? 1) * (rows[i * p + j] - means[j]) * (rows[i * p + j] - means[j]) / Double(n) } }
    let scales = (0..<p).map { j -> Double in
      let scale = exact.scales[j] / squares[j].squareRoot()
      return scale.isFinite && scale > 0 ? scale : exact.scales[j]
    }
    let centres = (0..<p).map { j -> Double in
      let centre = exact.centres[j] + means[j] / exact.scales[j]
      return centre.isFinite ? centre : exact.centres[j]
    }
    let standardisation = Standardisation(centres: centres, scales: scales)
    rows = raw.values
    standardisation.apply(to: &rows)
    for k in rows.indices where !rows[k].isFinite { rows[k] = 0 }
    return (Matrix(rows: n, columns: p, values: rows), standardisation)
  }

  // MARK: Cross-validation

  /// The power of two, from 2 downwards, of least loss; the search ends when two in turn were worse than the best.
  private func chooseFactor(
    _ design: Matrix, target: [Double], weights: [Double]?, times: RowTimes?, levels: [Double], penalty: Double, context: FitContext
  ) throws -> Double {
    let n = target.count
    let splits = Lasso.splits(n, times, seed: context.seed)
    let folds = splits.count
    guard folds > 0 else { return 1 }
    // A few levels stand for all.
    let few = levels.count <= 7 ? levels : (0..<7).map { levels[$0 * (levels.count - 1) / 6] }
    let unit = max(target.reduce(0) { max($0, abs($1)) }, .leastNormalMagnitude)
    let problems = splits.map { split -> PenalisedQuantileRegression in
      let rows = split.teaching
      return PenalisedQuantileRegression(
        design: Matrix(rows: rows.count, columns: design.columns, values: rows.flatMap { design.row($0) }), target: rows.map { target[$0] },
        weights: weights.map { weights in rows.map { weights[$0] } })
    }
    var vertices = [PenalisedQuantileRegression.Vertex?](repeating: nil, count: folds * few.count)
    var best = (loss: Double.infinity, factor: 1.0)
    var worse = 0
    for step in 0..<12 {
      let factor = scalbn(1, Int32(1 - step))
      let results = try parallelMap(folds * few.count, threads: context.threads) {
        [vertices] task -> (loss: Double, vertex: PenalisedQuantileRegression.Vertex?) in
        let (f, level) = (task / few.count, few[task % few.count])
        let shrunk = penalty * factor * Double(problems[f].rowCount) / Double(n)
        guard let solution = problems[f].solve(level: level, penalties: Lasso.penalties(level, shrunk, design.columns), from: vertices[task])
        else { return (.infinity, nil) }
        let used = solution.coefficients.indices.filter { solution.coefficients[$0] != 0 }
        var loss = 0.0
        for i in splits[f].judged {
          var q = solution.intercept
          for j in used { q += solution.coefficients[j] * design[i, j] }
          let u = target[i] / unit - q / unit
          loss += (weights?[i] ?? 1) * (u >= 0 ? level * u : (level - 1) * u)
        }
        return (loss.isNaN ? .infinity : loss, solution.vertex)
      }
      vertices = results.map(\.vertex)
      let loss = results.reduce(0) { $0 + $1.loss }
      if loss < best.loss {
        best = (loss, factor)
        worse = 0
      } else {
        worse += 1
        if worse == 2 { break }
      }
      context.progress(0.1 + 0.06 * Double(step))
    }
    return best.factor
  }

  /// Five random folds, or, where rows stand in time, five blocks of it.
  private static func splits(_ n: Int, _ times: RowTimes?, seed: UInt64) -> [RowSplit] {
    if let splits = times?.splits(5, of: Array(0..<n)), !splits.isEmpty { return splits }
    let folds = min(5, n)
    guard folds > 1 else { return [] }
    var fold = (0..<n).map { $0 % folds }
    var random = RandomStream(seed: seed, stream: 1 << 41)
    random.shuffle(&fold)
    return RowSplit.folds(fold)
  }

  public static var fitted: any FittedLearner.Type { FittedLasso.self }
}

/// The linear model of the columns that are not zero at every level.
struct FittedLasso: FittedLearner {
  let linear: FittedLinear
  let penalty: Double

  func predict(_ features: FeatureTable) -> Matrix { linear.predict(features) }

  var summary: [(key: String, value: String)] { linear.summary + [("penalty", "\(penalty)")] }

  func fits(_ features: FeatureTable, levels: [Double]) -> Bool { linear.fits(features, levels: levels) }

  func encode(into writer: inout ByteWriter) {
    linear.encode(into: &writer)
    writer.write(penalty)
  }
}

extension FittedLasso {
  init(decoding reader: inout ByteReader) throws {
    linear = try FittedLinear(decoding: &reader)
    penalty = try reader.readDouble()
    guard penalty.isFinite, penalty >= 0 else { throw ByteReader.damaged }
  }
}
