import Glibc
import Groundwork
import MethodKit
import Quantiles
import Synchronization

/// Quantiles of the responses of the k nearest training rows (Stone 1977, "Consistent nonparametric regression").
///
/// Rows are near as `NeighbourEncoding` and `NeighbourSearch` say: Euclidean distance over standardised numbers, a fixed part for each category that
/// differs. With v the row weights and K the kernel (1 throughout, or Epanechnikov's 1 − d²/h² with h the distance of the (k+1)-th neighbour), the
/// answer at level τ is the quantile of the k responses under the weights v_i K(d_i) (`weightedQuantiles`). Neighbours at the same distance are
/// taken in an order drawn with the seed, so that the order of the table does not decide.
///
/// k = 0 takes the k of a geometric grid with the least pinball loss, over all levels, of leaving one row out, on at most 500 rows; where rows
/// stand in time, of the last fifth of them among those that were known before.
///
/// Cost: O(n · log n) to learn and a query of a `NeighbourTree` or a `NeighbourScan` a row.
public struct NearestNeighbours: Learner {
  public static let description = MethodDescription(
    name: "knn",
    summary: "quantiles of the responses of the k nearest training rows, features standardised",
    settings: [
      SettingDescription("k", .integer(0...1_000_000_000), default: "0", "number of neighbours, at most all rows; 0: chosen by leaving rows out"),
      SettingDescription(
        "kernel", .choice(["uniform", "epanechnikov"]), default: "epanechnikov", "weight of neighbours: all the same, or less the farther away",
        search: .among(["uniform", "epanechnikov"])),
    ])

  let k: Int
  let weighsByDistance: Bool

  public init(settings: Settings) {
    k = settings.integer("k")
    weighsByDistance = settings.choice("kernel") == "epanechnikov"
  }

  public func fit(_ training: TrainingSet, levels: [Double], context: FitContext) throws -> any FittedLearner {
    var kept = try RowWeights.used(training.weights, rows: training.target.count)
    var random = RandomStream(seed: context.seed)
    random.shuffle(&kept)
    let features = training.features.selecting(kept)
    var weights = training.weights.map { weights in RowWeights.shares(kept.map { weights[$0] }, atLeast: FittedNeighbours.leastWeight) }
    if let equal = weights, equal.allSatisfy({ $0 == 1 }) { weights = nil }
    let encoding = NeighbourEncoding(learning: features)
    var model = FittedNeighbours(
      levels: levels, encoding: encoding, coordinates: encoding.encode(features), responses: kept.map { training.target[$0] }, weights: weights,
      k: max(1, min(k, kept.count)), weighsByDistance: weighsByDistance)
    if k == 0 {
      if let split = training.times?.selecting(kept).lastSplit(share: 0.2, of: Array(kept.indices)) {
        let earlier = model.selecting(split.teaching)
        model.k = earlier.chooseSize(model.selecting(split.judged), threads: context.threads, progress: context.progress)
        context.note("\(model.k) neighbours have the least loss on the last rows")
      } else {
        model.k = model.chooseSize(threads: context.threads, progress: context.progress)
        context.note("\(model.k) neighbours have the least loss of leaving one row out")
      }
    }
    context.progress(1)
    return model
  }

  public static var fitted: any FittedLearner.Type { FittedNeighbours.self }
}

struct FittedNeighbours: FittedLearner {
  /// Row weights as shares of the largest are at least this, so that their squares do not all vanish.
  static let leastWeight = 1e-100

  let levels: [Double]
  let encoding: NeighbourEncoding
  /// n × columns, row-major.
  let coordinates: [Double]
  let responses: [Double]
  let weights: [Double]?
  var k: Int
  let weighsByDistance: Bool
  /// Coordinates stand here and, once or twice more, in the search.
  var memory: Int { 3 * 8 * coordinates.count }
  private let search: any NeighbourSearch
  /// Place of each row in the order of the responses.
  private let rank: [Int32]
  private let sortedResponses: [Double]

  init(
    levels: [Double], encoding: NeighbourEncoding, coordinates: [Double], responses: [Double], weights: [Double]?, k: Int, weighsByDistance: Bool
  ) {
    self.levels = levels
    self.encoding = encoding
    self.coordinates = coordinates
    self.responses = responses
    self.weights = weights
    self.k = k
    self.weighsByDistance = weighsByDistance
    search = neighbourSearch(coordinates, count: responses.count, numbers: encoding.numbers.count, mismatch: encoding.mismatch)
    let order = responses.indices.sorted { (responses[$0], $0) < (responses[$1], $1) }
    var rank = [Int32](repeating: 0, count: responses.count)
    for (place, i) in order.enumerated() { rank[i] = Int32(place) }
    self.rank = rank
    sortedResponses = order.map { responses[$0] }
  }

  /// Memory for the answers of one thread.
  private struct Sample {
    var members: [(rank: Int32, weight: Double)] = []
    var values: [Double] = []
    var weights: [Double] = []
  }

  /// Quantiles of the first `size` of `found`, nearest first; one more of them, if there is, tells the kernel's width.
  private func answer(_ found: [Neighbour], size: Int, sample: inout Sample, into answer: UnsafeMutablePointer<Double>) {
    let size = min(size, found.count)
    // Beside all rows there is none farther: the farthest then stands just inside.
    let width = size < found.count ? found[size].distance : found[size - 1].distance * (1 + 1 / Double(size))
    let reaches = weighsByDistance && width > found[0].distance
    sample.members.removeAll(keepingCapacity: true)
    for neighbour in found[..<size] {
      let i = Int(neighbour.index)
      // Neighbours as far away as the first one left out keep a little weight.
      let kernel = reaches ? max(1 - neighbour.distance / width, 1e-6) : 1
      sample.members.append((rank[i], (weights?[i] ?? 1) * kernel))
    }
    sample.members.sort { $0.rank < $1.rank }
    sample.values.removeAll(keepingCapacity: true)
    sample.weights.removeAll(keepingCapacity: true)
    var largest = 0.0
    for member in sample.members { largest = max(largest, member.weight) }
    for member in sample.members {
      sample.values.append(sortedResponses[Int(member.rank)])
      sample.weights.append(member.weight / largest)
    }
    sample.values.withUnsafeBufferPointer { values in
      sample.weights.withUnsafeBufferPointer { weights in
        levels.withUnsafeBufferPointer { levels in
          sweepWeightedQuantiles(sortedValues: values.baseAddress!, weights: weights.baseAddress!, count: size, levels: levels, into: answer)
        }
      }
    }
  }

  func predict(_ features: FeatureTable) -> Matrix {
    let points = encoding.encode(features)
    let m = levels.count
    var answers = Matrix(rows: features.rows, columns: m)
    var sample = Sample()
    guard m > 0 else { return answers }
    answers.values.withUnsafeMutableBufferPointer { answers in
      withCoordinates(points) { points in
        search.findNearest(weighsByDistance ? k + 1 : k, to: points, count: features.rows, excluding: nil) { i, found in
          answer(found, size: k, sample: &sample, into: answers.baseAddress! + i * m)
        }
      }
    }
    return answers
  }

  /// An address even where there are no columns.
  private func withCoordinates(_ points: [Double], _ body: (UnsafePointer<Double>) -> Void) {
    (points.isEmpty ? [0] : points).withUnsafeBufferPointer { body($0.baseAddress!) }
  }

  // MARK: Number of neighbours

  private static let judgedRows = 500
  private static let rowsATask = 64

  /// Sizes to choose among: 4, 5, 7, 10, 14, 20, … up to what leaving one row out allows, and 1,024.
  static func sizes(rows: Int) -> [Int] {
    var sizes: [Int] = []
    var size = 4.0
    while Int(size) < min(rows - 1, 1025) {
      sizes.append(Int(size))
      size *= 2.0.squareRoot()
    }
    return sizes.isEmpty ? [max(1, rows - 1)] : sizes
  }

  /// Some of the rows.
  func selecting(_ rows: [Int]) -> FittedNeighbours {
    let p = encoding.columns
    return FittedNeighbours(
      levels: levels, encoding: encoding, coordinates: rows.flatMap { coordinates[$0 * p..<($0 + 1) * p] }, responses: rows.map { responses[$0] },
      weights: weights.map { weights in rows.map { weights[$0] } }, k: max(1, min(k, rows.count)), weighsByDistance: weighsByDistance)
  }

  /// The size of least loss on rows of others, or on the own ones, each left out; the smallest of several. Rows stand in a random order, so the
  /// first are a sample.
  func chooseSize(_ others: FittedNeighbours? = nil, threads: Int, progress: @Sendable (Double) -> Void) -> Int {
    let (n, p, m) = (responses.count + (others == nil ? 0 : 1), encoding.columns, levels.count)
    guard n > 1, m > 0 else { return 1 }
    let sizes = FittedNeighbours.sizes(rows: n)
    let (responses, weights, judgedPoints) = others.map { ($0.responses, $0.weights, $0.coordinates) } ?? (responses, weights, coordinates)
    let judged = min(responses.count, FittedNeighbours.judgedRows)
    let tasks = (judged + FittedNeighbours.rowsATask - 1) / FittedNeighbours.rowsATask
    // Losses in units of the largest response: finite whatever the scale.
    let unit = responses.reduce(0) { max($0, abs($1)) }
    guard unit > 0 else { return sizes[0] }
    let done = Atomic<Int>(0)
    let losses = try! parallelMap(tasks, threads: threads) { task in
      var sample = Sample()
      var quantiles = [Double](repeating: 0, count: m)
      var loss = [Double](repeating: 0, count: sizes.count)
      withCoordinates(judgedPoints) { points in
        let first = task * FittedNeighbours.rowsATask
        let count = min(judged - first, FittedNeighbours.rowsATask)
        search.findNearest(sizes.last! + 1, to: points + first * p, count: count, excluding: others == nil ? first : nil) { place, found in
          let i = first + place
          for (s, size) in sizes.enumerated() {
            quantiles.withUnsafeMutableBufferPointer { answer(found, size: size, sample: &sample, into: $0.baseAddress!) }
            var sum = 0.0
            for t in 0..<m {
              let u = responses[i] / unit - quantiles[t] / unit
              sum += u >= 0 ? levels[t] * u : (levels[t] - 1) * u
            }
            loss[s] += sum * (weights?[i] ?? 1)
          }
        }
      }
      progress(Double(done.add(1, ordering: .relaxed).newValue) / Double(tasks))
      return loss
    }
    let total = sizes.indices.map { s in losses.reduce(0) { $0 + $1[s] } }
    return sizes[total.indices.min { total[$0] < total[$1] }!]
  }

  // MARK: Model file

  var summary: [(key: String, value: String)] {
    [("rows", "\(responses.count)"), ("numbers", "\(encoding.numbers.count)"), ("categories", "\(encoding.codes.count)"), ("k", "\(k)")]
  }

  func fits(_ features: FeatureTable, levels: [Double]) -> Bool { self.levels == levels && encoding.fits(features) }

  func encode(into writer: inout ByteWriter) {
    encoding.encode(into: &writer)
    writer.write(levels)
    writer.write(coordinates)
    writer.write(responses)
    writer.write(weights ?? [])
    writer.write(k)
    writer.write(weighsByDistance)
  }

  init(decoding reader: inout ByteReader) throws {
    let encoding = try NeighbourEncoding(decoding: &reader)
    let levels = try reader.readArray(of: Double.self)
    let coordinates = try reader.readArray(of: Double.self)
    let responses = try reader.readArray(of: Double.self)
    let weights = try reader.readArray(of: Double.self)
    let k = try reader.readInt()
    let weighsByDistance = try reader.readBool()
    guard !responses.isEmpty, coordinates.count == responses.count * encoding.columns, weights.isEmpty || weights.count == responses.count,
      (1...responses.count).contains(k), levels.allSatisfy({ $0 > 0 && $0 < 1 }), zip(levels, levels.dropFirst()).allSatisfy({ $0 < $1 }),
      coordinates.allSatisfy({ abs($0) <= 1e100 }), responses.allSatisfy(\.isFinite),
      weights.allSatisfy({ $0 >= FittedNeighbours.leastWeight && $0 <= 1 })
    else { throw ByteReader.damaged }
    self.init(
      levels: levels, encoding: encoding, coordinates: coordinates, responses: responses, weights: weights.isEmpty ? nil : weights, k: k,
      weighsByDistance: weighsByDistance)
  }
}
