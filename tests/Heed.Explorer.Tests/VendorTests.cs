using System.Security.Cryptography;
using System.Text;
using Heed.Explorer.Serving;

namespace Heed.Explorer.Tests;

/// <summary>Files of others are the recorded ones, with their licences.</summary>
public class VendorTests
{
    [Fact]
    public void Built_files_and_fonts_have_the_recorded_checksums()
    {
        string[] lines = Encoding.UTF8.GetString(StaticFiles.Find("vendor/checksums.txt")!.Bytes).Split('\n',
            StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(5, lines.Length);
        foreach (string line in lines)
            Assert.Equal(line[..64], Convert.ToHexStringLower(SHA256.HashData(StaticFiles.Find(line[64..].Trim())!.Bytes)));
        Assert.Equal(5, StaticFiles.Names.Count(n => n.Contains("LICENSE", StringComparison.Ordinal)));
    }
}
