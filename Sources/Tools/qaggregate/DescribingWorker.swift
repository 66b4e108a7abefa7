import Aggregation
import Groundwork
import MethodKit
import Quantiles
import Tables

/// Collects the first rows of a stream, over which a loaded model's weights are described.
final class DescribingWorker: RowWorker {
  private let header: Header
  private let combination: Combination
  private var features: RowFeatures
  private let reader = NumberReader()
  private let columns: [Int]
  private var values: [Double] = []
  private var rows = 0

  private static let most = 500

  init(header: Header, combination: Combination, features: RowFeatures) {
    self.header = header
    self.combination = combination
    self.features = features
    columns = combination.columns
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    guard rows < DescribingWorker.most else { return }
    let own = try columns.map { try row.number($0, reader, header) }
    try features.add(row)
    values += own
    rows += 1
  }

  /// The weights of each over the rows that were collected.
  func tables(_ fitted: [any FittedAggregator]) -> [WeightTable?] {
    let features = features.take()?.table
    let predictions = combination.predictions(values, rows: rows)
    return fitted.map { $0.weightTable(predictions, features: features) }
  }
}
