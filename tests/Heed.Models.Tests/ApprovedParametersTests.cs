using System.Text;
using System.Text.RegularExpressions;
using Heed.Engine.Nn;
using Heed.Models.Files;
using Heed.Testing;
using Xunit;

namespace Heed.Models.Tests;

/// <summary>Names and shapes of every parameter, preset by preset, as approved in <c>Approved/</c>; <c>HEED_APPROVE=1</c> writes them anew
/// for review.</summary>
public partial class ApprovedParametersTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "Heed.Models.Tests", "Approved");

    private static readonly bool Approve = Environment.GetEnvironmentVariable("HEED_APPROVE") == "1";

    public static TheoryData<string> Presets =>
        [.. Approve ? ModelFamilies.All.SelectMany(f => f.Presets.Keys) : Directory.GetFiles(Folder, "*.txt").Select(f => Path.GetFileNameWithoutExtension(f)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Presets))]
    public void Names_and_shapes_are_those_approved(string preset)
    {
        ModelFamily family = ModelFamilies.All.First(f => f.Presets.ContainsKey(preset));
        ModelPreset p = family.Presets[preset];
        using Model model = family.Build(p.Architecture, p.Config, new ParameterSet(ParameterSource.ShapesOnly));
        StringBuilder text = new();
        text.Append(System.Globalization.CultureInfo.InvariantCulture, $"{p.Architecture} {model.Parameters.Count} parameters, {model.Parameters.Values} values\n");
        // Equal layers are listed once, with the number of times.
        foreach (IGrouping<string, Parameter> group in model.Parameters.GroupBy(x => Number().Replace(x.ToString(), ".*.")))
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"{group.Count(),4} {group.Key}\n");
        string path = Path.Combine(Folder, preset + ".txt");
        if (Approve) File.WriteAllText(path, text.ToString());
        Assert.Equal(File.ReadAllText(path), text.ToString());
    }

    [Fact]
    public void Every_preset_has_an_approved_list()
    {
        foreach (string preset in ModelFamilies.All.Where(f => f.GetType().Assembly == typeof(ModelFamily).Assembly).SelectMany(f => f.Presets.Keys))
            Assert.True(File.Exists(Path.Combine(Folder, preset + ".txt")), $"{preset} has no list in {Folder}");
    }

    [GeneratedRegex(@"\.\d+\.")]
    private static partial Regex Number();
}
