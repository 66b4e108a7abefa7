import Glibc
import Groundwork
import Learners
import MethodKit
import Quantiles

/// A table of these columns, named x0, x1, ….
func table(_ columns: [FeatureTable.Column], rows: Int) -> FeatureTable {
  FeatureTable(names: columns.indices.map { "x\($0)" }, columns: columns, rows: rows)
}

/// Numbers spread evenly over (−1, 1).
func noise(_ count: Int, seed: UInt64) -> [Double] {
  var random = RandomStream(seed: seed)
  return (0..<count).map { _ in random.uniform() * 2 - 1 }
}

/// What a model file keeps of a model.
func bytes(_ model: any FittedLearner) -> [UInt8] {
  var writer = ByteWriter()
  model.encode(into: &writer)
  return writer.bytes
}

/// A table with what forests have to cope with: numbers, missing ones, ties, a constant and categories.
func mixedTable(rows: Int, seed: UInt64 = 1) -> TrainingSet {
  var random = RandomStream(seed: seed)
  let a = (0..<rows).map { _ in random.uniform() }
  let b = (0..<rows).map { _ in random.below(6) == 0 ? Double.nan : Double(random.below(5)) }
  let c = (0..<rows).map { _ in Int32(random.below(5) - 1) }
  let y = (0..<rows).map { i -> Double in
    let numbers = sin(6 * a[i]) + (b[i].isNaN ? 2 : 0.3 * b[i])
    return numbers + 0.2 * Double((c[i] + 3) % 4) + 0.3 * random.uniform()
  }
  let features = FeatureTable(
    names: ["a", "b", "c", "d"],
    columns: [
      .numeric(a), .numeric(b), .categorical(codes: c, categories: ["k", "l", "m", "n", "never"]), .numeric([Double](repeating: 7, count: rows)),
    ],
    rows: rows)
  return TrainingSet(features: features, target: y)
}

/// Mean weighted interval score of answers.
func meanScore(_ answer: Matrix, _ target: [Double], levels: [Double] = Levels.hub) -> Double {
  target.indices.reduce(0) { $0 + weightedIntervalScore(levels: levels, quantiles: answer.row($1), target: target[$1]) } / Double(target.count)
}
