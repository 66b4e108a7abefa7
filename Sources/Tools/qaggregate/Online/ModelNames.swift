import Aggregation
import Groundwork

/// The models that were ever combined, by name: a table may lack some, and bring others.
struct ModelNames {
  private(set) var names: [FieldText] = []
  private var numbers: [FieldText: Int] = [:]

  /// The number of a model; a new one is added to what learns.
  mutating func number(of name: FieldText, _ learner: OnlineWeights, hasJoined: Bool = false) -> Int {
    if let number = numbers[name] { return number }
    numbers[name] = names.count
    names.append(name)
    learner.addExpert(hasJoined: hasJoined)
    return names.count - 1
  }

  /// Numbers in the order of the bytes of names.
  var inOrder: [Int] { names.indices.sorted { names[$0] < names[$1] } }
}
