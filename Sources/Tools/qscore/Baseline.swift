import ArgumentParser
import Glibc

/// What `--compare` takes: a model, or nothing.
struct Baseline: ExpressibleByArgument, CustomStringConvertible {
  let name: String?

  init(name: String?) { self.name = name }
  init?(argument: String) { name = argument }

  /// What the help shows as the value of the bare flag: nothing.
  var description: String { name ?? "" }

  /// For a model's name that is a file's: what was meant, perhaps.
  var fileRemedy: String? {
    guard let name else { return nil }
    return access(name, F_OK) == 0 ? "name files before --compare, or after --" : nil
  }
}
