import FilterKit
import Groundwork
import Quantiles
import Tables

extension ReshapePlan {
  /// A column a level stays a column a level: only names change.
  func rename(_ groups: [QuantileGroup], _ to: any ColumnShape) throws {
    let kept = picked(groups)
    try refuseNothing(kept)
    let quantiles = kept.flatMap { group in zip(group.columns, group.levels).map { (column: $0, model: group.name, level: $1) } }
    try writtenNames.check(to)
    let names = try writtenNames.names(quantiles.map { ($0.model, $0.level) }, to)
    let newName = Dictionary(uniqueKeysWithValues: zip(quantiles.map(\.column), names))
    let passing = Set(writtenColumns)
    let columns = (0..<header.count).compactMap { column in
      newName[column].map { (column, $0) } ?? (passing.contains(column) ? (column, name(passed: column)) : nil)
    }
    let pass = makePass(columns)
    let copies = writer.input == writer.output && !writer.writesObjects && columns.count == header.count && join == nil
    try writeHeader(
      pass.writer.writesObjects
        ? nil
        : {
          pass.writeNames(into: $0); $0.append(writer.headerEnd(header))
        })
    let (counts, workers) = try session.stream(header) { _ -> RenamingWorker in
      let reader = ColumnCellReader(groups: kept, header: header, vocabulary: vocabulary, writer: writer)
      return RenamingWorker(pass: makePass(columns), reader: reader, copiesRows: copies, lineEnd: writer.lineEnd(header))
    }
    var tally = Tally(rows: counts.read - counts.skipped)
    tally.unmatched = workers.reduce(0) { $0 + $1.unmatched }
    tally.missedKey = workers.compactMap(\.pass.truth?.missed).min()
    try finish(counts, written: nil, tally)
  }
}

/// A table with a column a level, of which names change: rows pass, as they came wherever they can.
final class RenamingWorker: RowWorker {
  let pass: PassWriter
  let reader: CellReader
  private let copiesRows: Bool
  private let lineEnd: [UInt8]
  private(set) var unmatched = 0

  /// `copiesRows` where a row's bytes are those of the output. `reader` sees that what is called a quantile is one.
  init(pass: PassWriter, reader: CellReader, copiesRows: Bool, lineEnd: [UInt8]) {
    self.pass = pass
    self.reader = reader
    self.copiesRows = copiesRows
    self.lineEnd = lineEnd
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    _ = try reader.read(row)
    try pass.truth?.check(row)
    if copiesRows { return output.append(row.record) }
    if pass.writer.writesObjects { output.append(UInt8(ascii: "{")) }
    if !pass.write(row, into: output) { unmatched += 1 }
    if pass.writer.writesObjects { output.append(UInt8(ascii: "}")) }
    output.append(lineEnd)
  }
}
