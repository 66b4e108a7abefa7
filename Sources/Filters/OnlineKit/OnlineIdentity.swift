import FilterKit
import Groundwork
import MethodKit
import Tables

/// Everything of an online run that must be the same from run to run: a state begins with it.
package struct OnlineIdentity {
  /// What the binary part begins with, where a saved model names its method.
  package static let mark = "online"

  package let method: MethodSpecification
  /// Every setting with its value, whether it was written or not.
  package let settings: [(key: String, value: String)]
  package let by: [String]
  package let order: String?
  package let known: String?
  /// How long after its time a row's truth is out, as it was written.
  package let lag: String?
  package let id: [String]?

  package init(
    _ method: MethodSpecification, _ description: MethodDescription, by: [String], order: String?, known: String?, lag: String?, id: [String]?
  ) {
    self.method = method
    self.by = by
    self.order = order
    self.known = known
    self.lag = lag
    self.id = id
    settings = description.settings.map { setting in
      let text = method.settings.last { $0.key == setting.name }?.value ?? setting.defaultText
      return (setting.name, Double(text).map(shortestText) ?? text)
    }
  }

  /// The flags that say when rows stand and what tells them apart, with what they name. A lag stands behind a column that has no name.
  package var columns: [(flag: String, names: [String])] {
    [("--order", [order].compactMap { $0 }), ("--known", lag.map { ["", $0] } ?? [known].compactMap { $0 }), ("--id", id ?? [])]
  }

  /// Method and settings as a user would write them.
  package var methodText: String { method.method + ":" + settings.map { "\($0.key)=\($0.value)" }.joined(separator: ",") }

  package func encode(into writer: inout ByteWriter) {
    writer.write(OnlineIdentity.mark)
    writer.write(method.method)
    writer.write(settings.map(\.key))
    writer.write(settings.map(\.value))
    writer.write(by)
    for (_, names) in columns { writer.write(names) }
  }

  /// Reads what `encode` wrote, and throws where it is another run than this, of `tool`, that reads the state at `path`.
  package func check(_ reader: inout ByteReader, tool: String, path: String) throws {
    func refuse(_ cause: String) -> Failure {
      Failure(.badData, cause, at: .init(input: path), remedy: "go on as it was made, or name another --state")
    }
    func list(_ names: [String]) -> String { names.isEmpty ? "nothing" : names.joined(separator: ",") }
    guard try reader.readString() == OnlineIdentity.mark else { throw refuse("a model of --save, not a state") }
    let found = try reader.readString()
    guard found == method.method else { throw refuse("a state of \(found), not of \(method.method)") }
    let (keys, values) = (try reader.readStrings(), try reader.readStrings())
    guard keys == settings.map(\.key), values.count == keys.count else { throw refuse("a state of other settings than this \(tool) has") }
    for (found, wanted) in zip(values, settings) where found != wanted.value {
      throw refuse("a state with \(wanted.key)=\(found), not \(wanted.value)")
    }
    let groups = try reader.readStrings()
    guard groups == by else { throw refuse("a state by \(list(groups)), not by \(list(by))") }
    for (what, wanted) in columns {
      let found = try reader.readStrings()
      func told(_ names: [String]) -> String {
        names.isEmpty ? "no \(what)" : names[0].isEmpty ? "--lag \(names.last!)" : "\(what) \(list(names))"
      }
      guard found == wanted else { throw refuse("a state of a run with \(told(found)), and this one has \(told(wanted))") }
    }
  }
}

extension StateFile {
  /// Names the file in failures, and what to do about one that is damaged.
  package func naming<T>(_ body: () throws -> T) throws -> T {
    do { return try body() } catch var failure as Failure {
      failure.place.input = path
      if failure.remedy?.hasPrefix("make it anew") == true { failure.remedy = "put back a copy, or move it away to start anew" }
      throw failure
    }
  }
}
