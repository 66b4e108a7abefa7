import Aggregation
import FilterKit
import Groundwork
import MethodKit
import OnlineKit
import Quantiles
import Tables

/// A combination read from a file.
struct SavedCombination {
  /// One fit, or one for each of `folds`.
  let fitted: [LeaningAggregator]
  /// Where a row's column held tells what answers it.
  let folds: [Int]?
  let columns: [String]
  /// The features that its weights depend on.
  let schema: FeatureSchema?
  private let isotonic: IsotonicOperator?
  private let specification: MethodSpecification
  private let models: [String]
  private let levels: [Double]

  init(path: String) throws {
    let file = try ModelFile(path: path, tool: "qaggregate")
    columns = file.header.columns
    var reader = ByteReader(file.body)
    do {
      let method = try reader.readString()
      if method == OnlineIdentity.mark {
        throw Failure(.badData, "a state of an online method, not a model of --save", remedy: "give it with --state")
      }
      models = try reader.readStrings()
      levels = try reader.readArray(of: Double.self)
      let order = try reader.readString()
      isotonic = IsotonicOperator(rawValue: order)
      guard isotonic != nil || order == "none", !models.isEmpty, Set(models).count == models.count, Levels.areProper(levels) else {
        throw ByteReader.damaged
      }
      schema = try reader.readBool() ? try FeatureSchema(decoding: &reader) : nil
      var usesFeatures = false
      func type(_ method: String) throws -> any FittedAggregator.Type {
        guard let type = aggregatorRegistry.first(where: { $0.description.name == method }) else {
          throw Failure(.badData, "the model combines by \"\(method)\", which this qaggregate does not know", remedy: "update qaggregate")
        }
        usesFeatures = usesFeatures || type.usesFeatures
        return type.fitted
      }
      let share = try reader.readDouble()
      guard share.isNaN || (0...1).contains(share) else { throw ByteReader.damaged }
      let inputs = CombinedInputs(models: models, levels: levels, features: schema?.noRows)
      var fits = [try type(method).init(decoding: &reader, for: inputs)]
      let folds = reader.isAtEnd ? nil : try reader.readArray(of: Int.self)
      for _ in (folds ?? []).dropFirst() {
        let other = try type(try reader.readString())
        fits.append(try other.init(decoding: &reader, for: inputs))
      }
      guard folds == nil || share.isNaN else { throw ByteReader.damaged }
      guard usesFeatures || schema == nil else { throw ByteReader.damaged }
      guard folds.map({ $0.count > 1 && $0[0] >= 0 && zip($0, $0.dropFirst()).allSatisfy { $0 < $1 } }) ?? true else { throw ByteReader.damaged }
      (fitted, self.folds) = (fits.map { LeaningAggregator($0, share: share.isNaN ? nil : share) }, folds)
      guard reader.isAtEnd else { throw ByteReader.damaged }
      specification = MethodSpecification(name: method, method: method)
    } catch var failure as Failure {
      failure.place.input = path
      throw failure
    }
  }

  func fitted(forFold fold: Int) -> LeaningAggregator { fitted[folds?.firstIndex(of: fold) ?? 0] }

  /// The features that its weights depend on, read along with the rows of this table.
  func rowFeatures(_ header: Header, _ session: FilterSession) throws -> RowFeatures {
    try schema.map { .streamed(try FeatureCollector($0, header: header, input: session.inputName)) } ?? .none
  }

  /// The combination over this table's columns. Throws where a model's columns are not there.
  func combination(_ header: Header, _ session: FilterSession) throws -> Combination {
    let all = header.quantileNames(input: session.inputName)
    let groups = try models.map { name in
      guard let group = try all.group(name) else {
        throw session.failure(
          "there are no quantile columns of model \"\(name)\", which the model file combines",
          remedy: suggestion(for: name, among: all.groups.map(\.name)))
      }
      return group
    }
    return Combination(specification: specification, groups: groups, levels: levels, isotonic: isotonic)
  }
}
