import FilterKit
import Groundwork
import Scoring
import Tables

/// What `--compare` reports: a row a pair of models.
struct Comparison {
  let models: [String]
  /// Names of what tells keys apart.
  let keyNames: [String]
  /// Name of the compared score.
  let score: String
  let baseline: Int?
  let permutations: Int
  /// 0 for none.
  let resamples: Int
  /// Name of the column that makes rows a series.
  let order: String?
  let horizon: Int
  /// Names of the columns whose values make blocks of rows; none where each row is by itself.
  let blocks: [String]
  let seed: UInt64
  let threads: Int

  private var isSeries: Bool { order != nil }
  private var hasBlocks: Bool { !blocks.isEmpty }

  private var tests: [String] { ["p_permutation", "p_wilcoxon"] + (isSeries ? ["p_diebold_mariano"] : []) }

  var columns: (names: [String], labels: Int) {
    let labels = ["model", "against"] + keyNames
    let skill = baseline == nil ? "relative_skill" : "scaled_skill"
    return (
      labels + ["n", score, "\(score)_against", "ratio"] + (resamples > 0 ? ["ratio_lower", "ratio_upper"] : [])
        + (baseline == nil ? [skill] : ["relative_skill", skill]) + (resamples > 0 ? ["\(skill)_lower", "\(skill)_upper"] : [])
        + tests + tests.map { $0 + "_holm" }, labels.count
    )
  }

  /// Rows of one key: scores as in `ComparedRows`, and the weight, the time and the block of each.
  struct KeyRows {
    var key: [FieldText]
    var scores: [Double] = []
    /// nil where rows have none.
    var weights: [Double]?
    var times: [Int32] = []
    var blocks: [Int32] = []
  }

  /// Throws where no two models that are to be compared answered a row together.
  func report(_ rows: ComparedRows, _ session: FilterSession) throws -> Report {
    let k = models.count
    let keys = rowsOfKeys(rows)
    var hasCommonRows = rows.scores.allSatisfy(\.isNaN)
    var lines: [[ReportTable.Cell]] = []
    let progress = Progress("qscore: comparing", quiet: session.options.quiet)
    for (done, rows) in keys.enumerated() {
      let skill = PairwiseSkill(scores: rows.scores, weights: rows.weights, models: k)
      if pairs.contains(where: { $0 != $1 && skill.commonRows[$0 * k + $1] > 0 }) { hasCommonRows = true }
      lines += report(rows, skill) { progress.update((Double(done) + $0) / Double(keys.count)) }
    }
    progress.clear()
    if hasCommonRows { warn(keys, session) }
    guard hasCommonRows else { throw session.failure("no two models to compare answered a row together", remedy: "pick others with -g") }
    return Report(columns: columns.names, labels: columns.labels, rows: lines)
  }

  /// The rows of each key, keys in the order of reports. Where rows have no keys they have one together.
  private func rowsOfKeys(_ rows: ComparedRows) -> [KeyRows] {
    let k = models.count
    var keys = rows.keys.names.map { KeyRows(key: $0, weights: rows.weights.isEmpty ? nil : []) }
    let timeOfRow = rows.ranksOfTimes
    for (row, key) in rows.keyOfRow.enumerated() {
      let p = Int(key)
      keys[p].scores += rows.scores[row * k..<(row + 1) * k]
      if !rows.weights.isEmpty { keys[p].weights!.append(rows.weights[row]) }
      if isSeries { keys[p].times.append(timeOfRow[row]) }
      if hasBlocks { keys[p].blocks.append(rows.blockOfRow[row]) }
    }
    if keys.isEmpty { return keyNames.isEmpty ? [KeyRows(key: [])] : [] }
    return rows.keys.inOrder.map { keys[$0] }
  }

  /// Every model against the baseline, itself with it; without one, every two.
  private var pairs: [(Int, Int)] {
    if let baseline { return models.indices.map { ($0, baseline) } }
    return models.indices.flatMap { i in models.indices.filter { $0 != i }.map { (i, $0) } }
  }

  /// Pairs to test: each once, whichever model stands first.
  var testedPairs: [(Int, Int)] { pairs.filter { i, j in baseline == nil ? i < j : i != j } }

  private func report(_ rows: KeyRows, _ skill: PairwiseSkill, progress: (Double) -> Void) -> [[ReportTable.Cell]] {
    let k = models.count
    let tested = testedPairs
    var values: [[Double]] = []
    for (t, pair) in tested.enumerated() {
      values.append(test(rows, pair.0, pair.1))
      progress(Double(t + 1) / Double(tested.count))
    }
    for t in tests.indices {
      for (v, adjusted) in holmAdjusted(values.map { $0[t] }).enumerated() { values[v].append(adjusted) }
    }
    let bootstrap = bootstrap(rows)
    return pairs.map { i, j in
      func ends(_ statistic: SkillStatistic) -> [Double] {
        guard let interval = bootstrap?.interval(statistic) else { return resamples > 0 ? [.nan, .nan] : [] }
        return [interval.lower, interval.upper]
      }
      let scaledSkill = scaledSkill(i)
      // A model is no better than itself.
      let pValues = tested.firstIndex { $0 == (i, j) || $0 == (j, i) }.map { values[$0] } ?? [Double](repeating: 1, count: 2 * tests.count)
      var numbers = [skill.means[i * k + j], skill.means[j * k + i], skill.ratio(i, j)] + ends(.ratio(i, j))
      numbers += (baseline == nil ? [] : [skill.relativeSkill(i)]) + [scaledSkill.value(skill)] + ends(scaledSkill) + pValues
      return [.text(models[i]), .text(models[j])] + rows.key.map { .field($0) } + [.count(skill.commonRows[i * k + j])]
        + numbers.map { .number($0) }
    }
  }

  private func scaledSkill(_ i: Int) -> SkillStatistic { baseline.map { .scaledSkill(i, against: $0) } ?? .relativeSkill(i) }

  /// nil where there is nothing that could be drawn otherwise: fewer than two units.
  private func bootstrap(_ rows: KeyRows) -> SkillBootstrap? {
    if resamples == 0 { return nil }
    let (units, unitCount) = units(rows)
    if unitCount < 2 { return nil }
    let models = models.count
    return SkillBootstrap(
      scores: rows.scores, weights: rows.weights.map(PowerOfTwo.scaled), models: models, units: units, unitCount: unitCount,
      statistics: pairs.map { .ratio($0, $1) } + (0..<models).map(scaledSkill), resamples: resamples, seed: seed, threads: threads)
  }

  /// The unit of each row, from 0 on, and how many there are: rows, or blocks of them.
  func units(_ rows: KeyRows) -> (units: [Int32], count: Int) {
    let count = rows.scores.count / models.count
    guard hasBlocks else { return ([Int32](0..<Int32(count)), count) }
    var numbers: [Int32: Int32] = [:]
    let units = rows.blocks.map { block in
      let number = numbers[block] ?? Int32(numbers.count)
      numbers[block] = number
      return number
    }
    return (units, numbers.count)
  }

  /// The p-values of `tests` for differences of the scores of two models on common rows, each times the row's weight, which keeps a
  /// difference that is as likely to have the other sign so.
  private func test(_ all: KeyRows, _ i: Int, _ j: Int) -> [Double] {
    let k = models.count
    let rows = (0..<all.scores.count / k).filter { !all.scores[$0 * k + i].isNaN && !all.scores[$0 * k + j].isNaN }
    let rowWeights = PowerOfTwo.scaled(rows.map { all.weights?[$0] ?? 1 })
    let differences = zip(rows, rowWeights).map { row, weight in weight * (all.scores[row * k + i] - all.scores[row * k + j]) }
    // Scores are sums, and equal ones may differ in their last places.
    let rounding = rows.map { 1e-12 * (all.scores[$0 * k + i] + all.scores[$0 * k + j]) }.map { $0.isFinite ? $0 : 0 }
    let tolerances = zip(rounding, rowWeights).map { $0 * $1 }
    let units = hasBlocks ? Comparison.sums(differences, by: rows.map { all.blocks[$0] }).map(\.sum) : differences
    var values = [
      permutationTest(units, tolerance: tolerances.reduce(0, +), permutations: permutations, seed: seed, threads: threads),
      wilcoxonSignedRankTest(differences, tolerances: tolerances),
    ]
    if isSeries {
      let times = rows.map { all.times[$0] }
      let means = zip(Comparison.sums(differences, by: times), Comparison.sums(rowWeights, by: times)).map {
        (label: $0.label, mean: $0.sum / $1.sum)
      }
      values.append(dieboldMarianoTest(means.sorted { $0.label < $1.label }.map(\.mean), tolerance: rounding.max() ?? 0, horizon: horizon))
    }
    return values
  }

  /// Sums over rows of the same label, in the order of first appearance.
  private static func sums(_ values: [Double], by labels: [Int32]) -> [(label: Int32, sum: Double)] {
    var index: [Int32: Int] = [:]
    var sums: [(label: Int32, sum: Double)] = []
    for (value, label) in zip(values, labels) {
      if let known = index[label] {
        sums[known].sum += value
      } else {
        index[label] = sums.count
        sums.append((label, value))
      }
    }
    return sums
  }
}
