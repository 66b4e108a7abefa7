import FilterKit
import Groundwork
import Tables

/// Answers rows with the models of a file.
struct Answering: StreamingTask {
  let model: SavedEnsemble
  private let watch = Stopwatch()

  init(model: SavedEnsemble) { self.model = model }

  func roles(_ header: Header, _ session: FilterSession) throws -> FeatureCollector {
    try FeatureCollector(model.schema, header: header, input: session.inputName)
  }

  func explanation(_ features: FeatureCollector, _ header: Header, _ session: FilterSession) -> [(String, String)] { model.explanation }

  func begin(_ roles: FeatureCollector, _ header: Header, _ session: FilterSession) -> Bool { true }

  func output(_ features: FeatureCollector, _ header: Header) -> OutputColumns {
    OutputColumns(appended: (model.folds == nil ? [] : ["held"]) + model.columnNames)
  }

  func worker(_ features: FeatureCollector, _ header: Header, _ encoder: RowEncoder, _ session: FilterSession) -> LoadedWorker {
    LoadedWorker(model: model, collector: features, encoder: encoder)
  }

  func complete(_ workers: [LoadedWorker], _ features: FeatureCollector, _ counts: RowCounts, _ session: FilterSession) -> Int? {
    model.folds.map { $0.count * (counts.read - counts.skipped) }
  }

  func conclude(_ workers: [LoadedWorker], _ features: FeatureCollector, _ header: Header, _ counts: RowCounts, _ session: FilterSession) {
    session.diagnostics.note("\(counts.read - counts.skipped) rows read and answered in \(watch.text)")
    session.warnOfUnseen(workers.reduce(0) { $0 + $1.unseen })
  }
}
