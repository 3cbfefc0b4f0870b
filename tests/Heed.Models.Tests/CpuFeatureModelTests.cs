using Heed.Testing;
using Xunit;

namespace Heed.Models.Tests;

/// <summary>Reference models with instruction sets switched off one by one: outputs, gradients and training within the same
/// tolerances.</summary>
public sealed class CpuFeatureModelTests
{
    public static TheoryData<string> Switches => CpuSwitches.All;

    [Theory]
    [MemberData(nameof(Switches))]
    public void Encoder_decoders_match_their_references_without_an_instruction_set(string name)
        => CpuSwitches.Pass(name, 2, "Heed.Models.Tests.Bart.BartTests.Outputs_gradients_and_training_match_the_reference");

    [LongFact]
    public void Every_family_matches_its_references_without_an_instruction_set()
    {
        foreach (string name in CpuSwitches.All.Select(row => row.Data))
        {
            CpuSwitches.Pass(name, 30, "*.Outputs_gradients_and_training_match_the_reference", "*.Reproduces_outputs_gradients_and_training",
                "Heed.Models.Tests.Wide.WideReferenceTests.Scores_are_those_of_double_precision");
        }
    }
}
