import FilterKit
import Learners
import MethodKit
import Quantiles
import Tables

/// Writes the rows of the training table: each with the models that did not see it.
final class OutOfFoldWorker: RowWorker {
  private let ensemble: FittedEnsemble
  private let training: LabelledRows
  private let copies: CopyPlan
  private let encoder: RowEncoder
  private let writesFold: Bool

  init(ensemble: FittedEnsemble, training: LabelledRows, copies: CopyPlan, encoder: RowEncoder, writesFold: Bool) {
    self.ensemble = ensemble
    self.training = training
    self.copies = copies
    self.encoder = encoder
    self.writesFold = writesFold
  }

  override func finish(_ rows: Rows, into output: ByteBuffer) throws {
    let written = training.answered(among: rows.firstRow..<rows.firstRow + rows.count).map { $0 - rows.firstRow }
    // Some rows at a time: the copies of a whole block may be large.
    for first in stride(from: 0, to: written.count, by: 4096) {
      write(written[first..<min(first + 4096, written.count)], of: rows, into: output)
    }
  }

  private func write(_ written: ArraySlice<Int>, of rows: Rows, into output: ByteBuffer) {
    let answers = written.flatMap { i in training.copies(of: rows.firstRow + i, copies).map { (row: i, copy: $0.copy, fit: $0.fit) } }
    var own = [[Double]](repeating: [], count: answers.count)
    for (fit, members) in Dictionary(grouping: answers.indices, by: { answers[$0].fit }) {
      let quantiles = ensemble.answers(fit, members.map { rows.firstRow + answers[$0].row }, training)
      precondition(quantiles.columns == ensemble.learners.count * ensemble.levels.count)
      for (i, member) in members.enumerated() {
        let fold = training.fold(of: rows.firstRow + answers[member].row)
        own[member] = (writesFold ? [fold < 0 ? .nan : Double(fold)] : []) + (answers[member].copy.map { [Double($0)] } ?? []) + quantiles.row(i)
      }
    }
    for (answer, own) in zip(answers, own) { encoder.write(rows[answer.row], cells: nil, own: own, into: output) }
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
    let features = collector.take()
    if let folds = model.folds { return write(rows, copies: folds, features, into: output) }
    let answers = model.predict(features)
    answers.values.withUnsafeBufferPointer { values in
      for i in 0..<rows.count {
        encoder.write(rows[i], cells: nil, own: values.baseAddress.map { $0 + i * answers.columns }, into: output)
      }
    }
  }

  /// Every row once for each fold.
  private func write(_ rows: Rows, copies folds: [Int], _ features: FeatureTable, into output: ByteBuffer) {
    let answers = folds.indices.map { model.predict(features, copy: $0) }
    for i in 0..<rows.count {
      for (fold, answer) in zip(folds, answers) { encoder.write(rows[i], cells: nil, own: [Double(fold)] + answer.row(i), into: output) }
    }
  }
}
