using System.Runtime.CompilerServices;
using Xunit;

namespace Heed.Testing;

/// <summary>A test that needs the real models or vocabularies of <c>HEED_SHARED</c>; skipped with a reason without them.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SharedFactAttribute : FactAttribute
{
    public SharedFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line)
    {
        if (Repository.Shared is null) Skip = Repository.SharedMissing;
    }
}

/// <summary>A test of <c>./test --long</c> (HEED_LONG=1): soaks, big matrices, many mutations.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LongFactAttribute : FactAttribute
{
    public LongFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line)
    {
        if (Environment.GetEnvironmentVariable("HEED_LONG") != "1") Skip = "long: run by ./test --long";
    }
}

/// <summary>An empty folder for one test, removed afterwards.</summary>
public sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder() => Path = Directory.CreateTempSubdirectory("heed-test-").FullName;

    public string Path { get; }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
