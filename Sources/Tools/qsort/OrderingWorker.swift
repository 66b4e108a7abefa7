import FilterKit
import Quantiles
import Tables

/// Makes the quantile groups of each row non-decreasing.
final class OrderingWorker: RowWorker {
  private let codec: QuantileCodec
  private let method: IsotonicOperator
  private let encoder: RowEncoder
  /// Of each group.
  private(set) var repairs: [Repairs]

  init(_ groups: [QuantileColumns], _ header: Header, method: IsotonicOperator, encoder: RowEncoder) {
    codec = QuantileCodec(groups, header, digits: encoder.digits)
    self.method = method
    self.encoder = encoder
    repairs = [Repairs](repeating: Repairs(), count: groups.count)
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    try codec.read(row)
    var isChanged = false
    for g in repairs.indices where codec.order(g, by: method) {
      isChanged = true
      repairs[g].add(from: codec.given(g), to: UnsafeBufferPointer(codec.values(g)))
      // Sorted quantiles keep the texts that they had.
      if method != .sort { codec.round(g, .nearest) }
    }
    if isChanged || !encoder.copiesWholeRows { codec.write(row, encoder, into: output) } else { encoder.copy(row, into: output) }
  }
}
