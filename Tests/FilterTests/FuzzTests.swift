import Foundation
import Testing

/// A short run of the fuzzer. `make fuzz` runs it longer and with other seeds.
@Suite struct FuzzTests {
  @Test func someSecondsOfDamagedInputFindNothing() throws {
    let result = try Shell.run("TOOLS=$(dirname $(command -v qsort)) FINDINGS=$PWD/findings $CHECKOUT/scripts/fuzz 5 20260")
    #expect(result.status == 0, "\(result.error)")
    #expect(result.text.contains(": 0 findings"), "\(result.text)")
    #expect(Int(result.text.prefix { $0.isNumber }) ?? 0 > 0, "\(result.text)")
  }
}
