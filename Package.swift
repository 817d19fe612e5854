// swift-tools-version:5.7
// The C library for Apple's platforms and Linux, see docs/library.md.
import PackageDescription

let package = Package(
  name: "edgectc",
  platforms: [.iOS(.v13), .macOS(.v11)],
  products: [.library(name: "Edgectc", targets: ["Edgectc"])],
  targets: [
    .target(
      name: "CEdgectc", path: "native", sources: ["src"], publicHeadersPath: "include",
      cSettings: [.headerSearchPath("src")]),
    .target(name: "Edgectc", dependencies: ["CEdgectc"], path: "native/swift"),
  ],
  cLanguageStandard: .c11
)
