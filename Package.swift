// swift-tools-version:6.0
import PackageDescription

// Tools are static executables: nothing to load at start, so they start about as fast as `sort` and run on any Linux of
// the same architecture. lld links them quickly and without gold's remarks on glibc. The named libraries are what
// FoundationEssentials, which ArgumentParser stands on, leaves out of its own autolink list when only the final link is static.
// Where scripts/sanitize names the test targets that it needs, tools are linked as Swift does by itself, for a sanitizer's runtime
// is loaded at start, and no other test is built.
let sanitized = Context.environment["SANITIZED_TESTS"].map { $0.split(separator: " ").map(String.init) }
let staticTool: [LinkerSetting] =
  sanitized != nil
  ? []
  : [
    .unsafeFlags(
      [
        "-static-executable", "-use-ld=lld", "-l_FoundationCShims", "-l_FoundationCollections", "-lswiftSynchronization", "-Xlinker", "-s",
      ] + ["malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign"].flatMap { ["-Xlinker", "--wrap=\($0)"] })
  ]

/// A tool: its flags, its modes, and one `run` that reads like a sentence. It takes the methods it offers.
func tool(_ name: String, _ methods: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name,
    dependencies: ["FilterKit", "Tables", "Quantiles", "MethodKit", "Groundwork"] + methods
      + [.product(name: "ArgumentParser", package: "swift-argument-parser")],
    path: "Sources/Tools/\(name)", linkerSettings: staticTool)
}

/// A module on one of the floors under the tools.
func module(_ name: String, on floor: String, _ dependencies: [Target.Dependency] = [], cxxSettings: [CXXSetting]? = nil) -> Target {
  .target(name: name, dependencies: dependencies, path: "Sources/\(floor)/\(name)", cxxSettings: cxxSettings)
}

func systemLibrary(_ name: String, pkgConfig: String, package: String) -> Target {
  .systemLibrary(name: name, path: "Sources/System/\(name)", pkgConfig: pkgConfig, providers: [.apt([package])])
}

let numerics: [Target.Dependency] = ["Networks", "Regression", "LinearAlgebra", "Quantiles", "Groundwork"]

let package = Package(
  name: "quantile-filters",
  // Help texts are compared byte for byte, and another version may write them differently.
  dependencies: [.package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2")],
  targets: [
    tool("qfit", ["Learners", "LinearAlgebra"]),
    tool("qaggregate", ["Aggregation", "LinearAlgebra", "OnlineKit"]),
    tool("qsort", []),
    tool("qconformal", ["Calibration", "LinearAlgebra", "OnlineKit"]),
    tool("qscore", ["Scoring"]),
    tool("qreshape", []),
    tool("qplot", ["Scoring"]),

    // What every tool shares: flags, modes and files; and tables, which know no statistics. OnlineKit is what tools that learn row after row share.
    module("OnlineKit", on: "Filters", ["FilterKit", "Tables", "MethodKit", "Groundwork"]),
    module(
      "FilterKit", on: "Filters",
      ["Tables", "Quantiles", "MethodKit", "Groundwork", "CProcess", "CZlib", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
    module("Tables", on: "Filters", ["Quantiles", "Groundwork", "CNumberText", "CZlib", "CZstd"]),

    // Methods take matrices, never tables. MethodKit describes them; Designs and NetworkModels are what several of them stand on.
    module("Learners", on: "Methods", ["NetworkModels", "Designs", "MethodKit"] + numerics),
    module("Aggregation", on: "Methods", ["NetworkModels", "MethodKit"] + numerics),
    module("Calibration", on: "Methods", ["MethodKit", "Regression", "LinearAlgebra", "Quantiles", "Groundwork"]),
    module("Scoring", on: "Methods", ["MethodKit", "Quantiles", "Groundwork"]),
    module("NetworkModels", on: "Methods", ["Designs", "MethodKit", "Networks", "Quantiles", "Groundwork"]),
    module("Designs", on: "Methods", ["MethodKit", "Quantiles", "Groundwork"]),
    module("MethodKit", on: "Methods", ["Groundwork"]),

    // The numerics library.
    module("Networks", on: "Numerics", ["LinearAlgebra", "CKernels", "Groundwork"]),
    module("Regression", on: "Numerics", ["LinearAlgebra", "CKernels", "COpenBLAS", "Quantiles", "Groundwork"]),
    module("LinearAlgebra", on: "Numerics", ["CKernels", "COpenBLAS", "Quantiles", "Groundwork"]),
    module("Quantiles", on: "Numerics", ["Groundwork"]),
    module("Groundwork", on: "Numerics"),
    // What Swift has no means for: text of numbers by the C++ library, vectors as wide as the machine's.
    module("CNumberText", on: "Numerics", cxxSettings: [.unsafeFlags(["-O3"])]),
    module("CKernels", on: "Numerics"),
    // What the runtime does otherwise: the end of memory, and arguments.
    module("CProcess", on: "Numerics"),

    systemLibrary("COpenBLAS", pkgConfig: "openblas", package: "libopenblas-dev"),
    systemLibrary("CZlib", pkgConfig: "zlib", package: "zlib1g-dev"),
    systemLibrary("CZstd", pkgConfig: "libzstd", package: "libzstd-dev"),

    .target(name: "TestSupport", dependencies: ["Groundwork"], path: "Tests/TestSupport"),
    .testTarget(name: "GroundworkTests", dependencies: ["Groundwork"]),
    .testTarget(name: "QuantilesTests", dependencies: ["Quantiles", "Groundwork"]),
    .testTarget(name: "LinearAlgebraTests", dependencies: ["LinearAlgebra", "Networks", "Quantiles", "Groundwork"]),
    .testTarget(name: "RegressionTests", dependencies: ["Regression", "LinearAlgebra", "Quantiles", "Groundwork"]),
    .testTarget(name: "NetworksTests", dependencies: ["Networks", "Groundwork"]),
    .testTarget(name: "MethodKitTests", dependencies: ["MethodKit"]),
    .testTarget(name: "LearnersTests", dependencies: ["TestSupport", "Learners", "NetworkModels", "Designs", "MethodKit"] + numerics),
    .testTarget(name: "AggregationTests", dependencies: ["TestSupport", "Aggregation", "NetworkModels", "MethodKit"] + numerics),
    .testTarget(
      name: "CalibrationTests", dependencies: ["TestSupport", "Calibration", "MethodKit", "Regression", "LinearAlgebra", "Quantiles", "Groundwork"]),
    .testTarget(name: "ScoringTests", dependencies: ["Scoring", "MethodKit", "Quantiles", "Groundwork"]),
    .testTarget(name: "TablesTests", dependencies: ["Tables", "Groundwork"]),
    .testTarget(name: "FilterKitTests", dependencies: ["FilterKit", "Tables", "Quantiles", "Groundwork"]),
    .testTarget(name: "FilterTests", dependencies: ["FilterKit", "Learners", "Scoring", "MethodKit", "Groundwork"], exclude: ["Cases"]),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)

if let sanitized { package.targets.removeAll { $0.type == .test && !sanitized.contains($0.name) } }
