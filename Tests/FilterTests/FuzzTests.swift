import Foundation
import Testing

/// A short run of the fuzzer. `make fuzz` runs it longer and with other seeds.
@Suite struct FuzzTests {
  @Test func someSecondsOfDamagedInputFindNothing() throws {
    let result = try Shell.run("TOOLS=$(dirname $(command -v qsort)) FINDINGS=$PWD/findings $CHECKOUT/scripts/fuzz 5 20260")
    #expect(result.status == 0, "\(result.error)")
    #expect(result.text.hasSuffix("\n0 findings\n"), "\(result.text)")
    #expect(result.text.contains("laws and faults tried"), "\(result.text)")
  }
}
