import Groundwork

/// What a row is answered with, by which it teaches when its truth is out, however long that takes: fast rules that were weighed anew by then would
/// look better than they were.
public final class RowWeightsOfModels: Sendable {
  /// Slots × models: the weights that answer, each slot's summing to one.
  public let final: [Double]
  /// Families × rules × slots × models: those of each learner.
  let own: [Double]

  init(final: [Double], own: [Double]) {
    self.final = final
    self.own = own
  }

  public func encode(into writer: inout ByteWriter) {
    writer.write(final)
    writer.write(own)
  }

  /// Reads what `encode` wrote for so many models. Throws `ByteReader.damaged` for anything else.
  public init(decoding reader: inout ByteReader, models: Int, _ plan: OnlineWeights.Plan) throws {
    final = try reader.readArray(of: Double.self)
    own = try reader.readArray(of: Double.self)
    guard final.count == plan.slots * models, own.count == plan.families * plan.rules.count * plan.slots * models,
      (final + own).allSatisfy({ $0 >= 0 && $0 <= 1 + 1e-9 })
    else { throw ByteReader.damaged }
  }
}
