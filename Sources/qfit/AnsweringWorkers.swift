import FilterKit
import Learners
import Methods
import Quantiles
import Tables

/// Writes the rows of the training table: each with the models that did not see it.
final class OutOfFoldWorker: RowWorker {
  private let ensemble: FittedEnsemble
  private let training: LabelledRows
  private let encoder: RowEncoder
  private let writesFold: Bool

  init(ensemble: FittedEnsemble, training: LabelledRows, encoder: RowEncoder, writesFold: Bool) {
    self.ensemble = ensemble
    self.training = training
    self.encoder = encoder
    self.writesFold = writesFold
  }

  override func finish(_ rows: Rows, into output: ByteBuffer) throws {
    let written = training.answered(among: rows.firstRow..<rows.firstRow + rows.count).map { $0 - rows.firstRow }
    let byFold = Dictionary(grouping: written) { training.fold(of: rows.firstRow + $0) }
    let width = ensemble.learners.count * ensemble.levels.count
    var own = [[Double]](repeating: [], count: rows.count)
    for (fold, members) in byFold {
      let features = training.features(ofAnswered: members.map { rows.firstRow + $0 })
      let answers = joined(ensemble.models(forFold: fold).map { $0.predict(features) }, rows: members.count)
      precondition(answers.columns == width)
      for (i, member) in members.enumerated() {
        own[member] = (writesFold ? [fold < 0 ? .nan : Double(fold)] : []) + answers.row(i)
      }
    }
    for i in written { encoder.write(rows[i], cells: nil, own: own[i], into: output) }
  }
}

/// Answers streamed rows with loaded models.
final class LoadedWorker: RowWorker {
  private let model: SavedEnsemble
  private var collector: FeatureCollector
  private let encoder: RowEncoder

  init(model: SavedEnsemble, collector: FeatureCollector, encoder: RowEncoder) {
    self.model = model
    self.collector = collector
    self.encoder = encoder
  }

  var unseen: Int { collector.unseen }

  override func handle(_ row: Row, into output: ByteBuffer) throws { try collector.add(row) }

  override func finish(_ rows: Rows, into output: ByteBuffer) throws {
    let answers = model.predict(collector.take())
    answers.values.withUnsafeBufferPointer { values in
      for i in 0..<rows.count {
        encoder.write(rows[i], cells: nil, own: values.baseAddress.map { $0 + i * answers.columns }, into: output)
      }
    }
  }
}
