using Heed.Testing;

namespace Heed.Engine.Tests;

/// <summary>The kernels' own tests with instruction sets switched off one by one: every narrower path against the same
/// definitions.</summary>
public class KernelCpuFeatureTests
{
    private const string Kernels = "Heed.Engine.Tests.Kernels.";

    public static TheoryData<string> Switches => CpuSwitches.All;

    [Theory]
    [MemberData(nameof(Switches))]
    public void Products_attention_and_rows_match_their_definitions_without_an_instruction_set(string name) => CpuSwitches.Pass(name, 60,
        $"{Kernels}MatMulKernelTests.Every_shape_and_layout_matches*",
        $"{Kernels}MatMulKernelTests.A_batch_equals*",
        $"{Kernels}MatMulKernelTests.The_fused_epilogue*",
        "Heed.Engine.Tests.Autograd.WeightTests.*",
        $"{Kernels}BlockFormatTests.*",
        $"{Kernels}AttentionKernelTests.Every_bias_and_mask*",
        $"{Kernels}AttentionKernelTests.A_sequence_has_the_same_bits*",
        $"{Kernels}ActivationKernelTests.Large_numbers*",
        $"{Kernels}SoftmaxKernelTests.*",
        $"{Kernels}NormKernelTests.*",
        $"{Kernels}TensorOperationsTests.*");

    [LongFact]
    public void Every_op_and_layer_matches_its_references_without_an_instruction_set()
    {
        foreach (string name in CpuSwitches.All.Select(row => row.Data))
        {
            CpuSwitches.Pass(name, 300, "Heed.Engine.Tests.Autograd.OpGradientTests.*", $"{Kernels}AttentionBlockTests.*", $"{Kernels}AttentionCacheTests.*", $"{Kernels}LinearAttentionKernelTests.*", $"{Kernels}RotaryKernelTests.*",
                "Heed.Engine.Tests.Nn.MultiHeadGoldenTests.*", "Heed.Engine.Tests.Nn.RecurrentGoldenTests.*", "Heed.Engine.Tests.Nn.PositionGoldenTests.*", "Heed.Engine.Tests.Nn.Transformer2017GoldenTests.*");
        }
    }
}
