import Groundwork
import MethodKit
import Quantiles

/// Chooses the least leaf of a forest by predicting rows left out.
///
/// Grown to single rows, trees on few features all find the same few neighbours of a row, and the forest's quantiles are those of these
/// few: far too narrow. On many features each tree finds others, and small leaves are best. So small forests are grown on most rows
/// with leaves of 1, 3, 10, … rows as long as the mean pinball loss of the others falls by a hundredth, less of which may be chance.
struct LeafChoice {
  private static let trees = 25
  /// More rows make the choice no surer.
  private static let mostRows = 2000
  /// A quarter of the rows is left out at a time, as often as some 250 rows are scored.
  private static let parts = 4
  private static let candidates = [1, 3, 10, 30, 100]

  let best: Int

  init(plan: ForestPlan, training: TrainingSet, levels: [Double], context: FitContext) throws {
    var random = RandomStream(seed: context.seed, stream: 0x1EAF)
    var rows = training.target.indices.filter { (training.weights?[$0] ?? 1) > 0 }
    random.shuffle(&rows)
    rows = Array(rows.prefix(LeafChoice.mostRows))
    // Every row left out has others to be predicted from.
    guard rows.count >= 2 * LeafChoice.parts else {
      best = 1
      return
    }
    let scored = max(1, min(LeafChoice.parts, 4 * 250 / rows.count))
    let splits = LeafChoice.splits(rows, training.times).prefix(scored)
    let quiet = FitContext(threads: context.threads, seed: context.seed)
    func loss(_ minLeaf: Int) throws -> Double {
      let forest = plan.with(trees: min(plan.trees, LeafChoice.trees), minLeaf: minLeaf)
      var sum = 0.0
      for split in splits {
        let fitted = try forest.fit(training.selecting(split.teaching), levels: levels, context: quiet)
        let left = training.selecting(split.judged)
        let answer = fitted.predict(left.features, threads: context.threads)
        for i in left.target.indices {
          let row = levels.indices.reduce(0) { $0 + pinballLoss(level: levels[$1], target: left.target[i], quantile: answer[i, $1]) }
          sum += (left.weights?[i] ?? 1) * row
        }
      }
      return sum
    }
    var (chosen, least) = (LeafChoice.candidates[0], try loss(LeafChoice.candidates[0]))
    for minLeaf in LeafChoice.candidates.dropFirst() where minLeaf * LeafChoice.parts <= rows.count {
      let next = try loss(minLeaf)
      guard next < 0.99 * least else { break }
      (chosen, least) = (minLeaf, next)
    }
    best = chosen
  }

  /// Each part of the rows and the others; where rows stand in time, each part of it and what was known before, the last first.
  private static func splits(_ rows: [Int], _ times: RowTimes?) -> [RowSplit] {
    if let splits = times?.splits(parts, of: rows), !splits.isEmpty { return splits.reversed() }
    func part(_ k: Int) -> [Int] { Array(rows[rows.count * k / parts..<rows.count * (k + 1) / parts]) }
    return (0..<parts).map { k in RowSplit(teaching: (0..<parts).filter { $0 != k }.flatMap(part), judged: part(k)) }
  }
}
