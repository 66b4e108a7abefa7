import FilterKit
import Foundation
import Groundwork
import Quantiles
import Tables
import Testing

/// Passes each row of a table through a codec.
private final class CodecWorker: RowWorker {
  let codec: QuantileCodec
  let encoder: RowEncoder
  let change: (QuantileCodec) -> Void

  init(_ groups: [QuantileColumns], _ header: Header, _ encoder: RowEncoder, _ change: @escaping (QuantileCodec) -> Void) {
    codec = QuantileCodec(groups, header, digits: encoder.digits)
    self.encoder = encoder
    self.change = change
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    try codec.read(row)
    change(codec)
    codec.write(row, encoder, into: output)
  }
}

/// The rows of a table after its quantiles were changed, without the header.
private func written(_ table: String, digits: Int? = nil, adding levels: [Double] = [], _ change: @escaping (QuantileCodec) -> Void) throws -> String
{
  let path = NSTemporaryDirectory() + "codec-\(UUID().uuidString)"
  try Data(table.utf8).write(to: URL(fileURLWithPath: path))
  defer {
    unlink(path)
    unlink(path + ".out")
  }
  var options = TableReader.Options()
  options.operands = [path]
  let reader = try TableReader(options)
  let header = try #require(reader.header)
  let groups = try header.quantileGroups(input: path).map { QuantileColumns($0, adding: levels) }
  let encoder = try RowEncoder(
    header: header, input: reader.format, output: reader.format, changed: groups.flatMap(\.presentColumns),
    appended: groups.flatMap { group in group.madeLevels.map { QuantileGroup.columnName(group.name, $0) } }, digits: digits)
  let file = try OutputFile(path: path + ".out")
  _ = try RowPipeline(source: reader, format: reader.format, header: header, output: file).run([CodecWorker(groups, header, encoder, change)])
  try file.close()
  return try String(contentsOfFile: path + ".out", encoding: .utf8)
}

@Suite struct QuantileCodecTests {
  @Test func quantilesThatDoNotChangeKeepTheirBytes() throws {
    #expect(try written("id,q0.1,q0.5,q0.9\n01,1e0,,2.50\n") { _ in } == "01,1e0,,2.50\n")
  }

  @Test func changedQuantilesAreWrittenInPlaceAndMadeOnesToTheRight() throws {
    let text = try written("q0.9,id,q0.1\n3.0,a,1.0\n", adding: [0.5]) { codec in
      codec.values(0)[1] = 2
      codec.values(0)[2] = 4
    }
    #expect(text == "4,a,1.0,2\n")
  }

  @Test func sortedQuantilesBringTheirTextsAlong() throws {
    #expect(try written("q0.1,q0.25,q0.5,q0.9\n3.00,,1.0,2e0\n") { _ = $0.order(0, by: .sort) } == "1.0,,2e0,3.00\n")
  }

  /// Each row is read anew: texts that one row moved do not move in the next.
  @Test func aRowDoesNotRememberTheOneBefore() throws {
    #expect(try written("q0.1,q0.9\n2.0,1.0\n1.0,2.0\n") { _ = $0.order(0, by: .sort) } == "1.0,2.0\n1.0,2.0\n")
  }

  /// Away from the median: down below it, up above it, and to the nearest at it.
  @Test func roundingOutwardsNarrowsNoInterval() throws {
    let text = try written("q0.25,q0.5,q0.75\n0,0,0\n", digits: 1) { codec in
      for (k, value) in [0.17, 0.26, 0.31].enumerated() { codec.values(0)[k] = value }
      codec.round(0, .outwards)
    }
    #expect(text == "0.1,0.3,0.4\n")
  }

  /// 0.16 keeps its text and would stand above its neighbour, which rounds to 0.2, were it the smaller one; both are rounded then.
  @Test func roundingThatWouldCrossAKeptTextRoundsItToo() throws {
    let text = try written("q0.1,q0.2\n0.16,0.5\n", digits: 1) { codec in
      codec.values(0)[1] = 0.17
      codec.round(0, .outwards)
    }
    #expect(text == "0.1,0.1\n")
  }

  /// Beside a plain version, on random rows with missing and infinite quantiles.
  @Test(arguments: IsotonicOperator.allCases)
  func orderingIsThatOfThePresentQuantiles(_ operation: IsotonicOperator) throws {
    var random = RandomStream(seed: 7)
    let levels = [0.1, 0.2, 0.5, 0.8, 0.9]
    for _ in 0..<200 {
      let row = levels.map { _ in [1, 2, 3, -4, 0.5, .infinity, -.infinity, .nan, .nan][random.below(9)] }
      let present = row.indices.filter { !row[$0].isNaN }
      var expected = row
      if !present.isEmpty {
        let anchor = Isotonic.anchor(present.map { levels[$0] })
        for (k, value) in zip(present, operation.applied(to: present.map { row[$0] }, anchor: anchor)) { expected[k] = value }
      }
      nonisolated(unsafe) var found: [Double] = []
      _ = try written("q0.1,q0.2,q0.5,q0.8,q0.9\n" + row.map { $0.isNaN ? "" : "\($0)" }.joined(separator: ",") + "\n") { codec in
        #expect(codec.order(0, by: operation) == crosses(row))
        found = Array(codec.values(0))
      }
      #expect(zip(found, expected).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN }, "\(row): \(found), not \(expected)")
    }
  }

  private func crosses(_ row: [Double]) -> Bool {
    let present = row.filter { !$0.isNaN }
    return zip(present, present.dropFirst()).contains { $0 > $1 }
  }
}
