import Aggregation
import FilterKit
import Tables

/// Gathers the first rows of a stream, over which a loaded model's weights are described.
final class DescribingWorker: RowWorker {
  private let combination: Combination
  private let gatherer: RowGatherer

  private static let most = 500

  init(_ combination: Combination, _ header: Header, features: RowFeatures) {
    self.combination = combination
    gatherer = RowGatherer(combination, header, features: features)
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    if gatherer.rows < DescribingWorker.most { try gatherer.add(row) }
  }

  /// The weights of each over the rows that were gathered.
  func tables(_ fitted: [LeaningAggregator]) -> [WeightTable?] {
    let features = gatherer.takeFeatures()?.table
    let predictions = combination.predictions(gatherer.values, rows: gatherer.rows)
    return fitted.map { $0.weightTable(predictions, features: features) }
  }
}
