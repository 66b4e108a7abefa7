/// How answers did beside models, and what reports tell of it.
extension OnlineWeights {
  // MARK: Records

  /// Adds up how the answers to rows that taught together did beside their models, in any order of rows. May run beside all but `describe`,
  /// `record(group:)` and what files hold.
  public func record(_ rows: [(groups: [Int], models: [Int], record: AnswerRecord)]) {
    for row in rows.count > 1 ? rows.sorted(by: { AnswerRecord.precedes($0.record, $1.record) }) : rows {
      for id in row.groups {
        growRecord(id)
        records[id].add(row.record, of: row.models)
      }
    }
  }

  func growRecord(_ id: Int) {
    while records.count <= id { records.append(GroupRecord()) }
    records[id].grow(to: experts)
  }

  // MARK: Reports

  /// How a model stands in a group of rows.
  public struct GroupWeight {
    public let model: Int
    /// nil where a model has one weight.
    public let level: Double?
    public let weight: Double
    /// Rows in which it took part.
    public let rows: Int
    /// (answers' loss − its own)/answers' loss over these rows: what following it alone would have saved.
    public let regret: Double
  }

  /// The weights of the next row in the last of some groups, the others being wider ones that hold it, if all these models took part.
  public func describe(groups ids: [Int], models: [Int]) -> [GroupWeight] {
    let p = models.count
    let weights = computed(ids, models, [Bool](repeating: true, count: plan.isByLevel ? slots * p : 0)).final
    growRecord(ids.last!)
    let records = records[ids.last!].ofExperts
    return models.indices.flatMap { j in
      let record = records[models[j] * GroupRecord.size..<(models[j] + 1) * GroupRecord.size].map { $0 }
      return (0..<slots).map { s in
        GroupWeight(
          model: models[j], level: plan.isByLevel ? plan.levels[s] : nil, weight: weights[s * p + j], rows: Int(record[0]),
          regret: record[1] > 0 ? (record[1] - record[2]) / record[1] : .nan)
      }
    }
  }

  /// Rows that taught a group, and the loss of the answers to them, a mean over levels, in units of the target.
  public func record(group: Int) -> (rows: Int, loss: Double) {
    growRecord(group)
    return (records[group].rows, records[group].loss)
  }
}
