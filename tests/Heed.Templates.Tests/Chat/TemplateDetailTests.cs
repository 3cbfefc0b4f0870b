using Heed.Templates;
using Xunit;

namespace Heed.Templates.Tests.Chat;

/// <summary>Details that random templates showed; each answer is Jinja2 3.1.6's.</summary>
public sealed class TemplateDetailTests
{
    [Theory]
    [InlineData("{% print 1, 2 %}{% print 'a' %}", "12a")]
    [InlineData("{% for i in [3, 1] %}{% for j in [] %}{% else %}{% break %}{% endfor %}{{ i }}{% endfor %}|", "|")]
    [InlineData("{% macro f(a=b, b=2) %}[{{ a }}]{% endmacro %}{% set b = 5 %}{{ f() }}", "[]")]
    [InlineData("{% macro m() %}<{{ '<' }}{% endmacro %}{% autoescape true %}{{ m() }}{% endautoescape %}", "<<")]
    [InlineData("{{ ('ab' | safe) | list }}", "['a', 'b']")]
    [InlineData("{{ [1, 2] | truncate(5) }}", "[1, 2]")]
    [InlineData("{{ '一'.isnumeric() }}{{ '十'.isdigit() }}", "TrueFalse")]
    [InlineData("{% generation %}{{ varargs }}{{ kwargs }}{{ caller is defined }}{% endgeneration %}", "(){}False")]
    [InlineData("{{ a·b }}|", "|")]
    [InlineData("{{ ('<' | e).join([true, '&', 1.5]) }}", "True&lt;&amp;&lt;1.5")]
    [InlineData("{{ ['b', 'a'] | sort(attribute='age') | join }}", "ba")]
    [InlineData("{{ [{}, {}] | sort }}", "[{}, {}]")]
    [InlineData("{{ 'd' % range(4) }}", "d")]
    public void Snippets_give_the_reference_text(string template, string expected) => Assert.Equal(expected, Render(template));

    [Theory]
    [InlineData("{{ none | indent }}")]
    [InlineData("{{ missing | indent }}")]
    [InlineData("{{ 5 | indent }}")]
    [InlineData("{% filter length %}abc{% endfilter %}")]
    [InlineData("{% for i in [1] %}{% extends 'a' %}{% endfor %}")]
    [InlineData("{% for i in [] %}{% else %}{% break %}{% endfor %}")]
    [InlineData("{{ [{'a': 1}, {}] | sort(attribute='a') }}")]
    [InlineData("{{ {5: 'x'} | xmlattr }}")]
    [InlineData("{{ dict(missing) }}")]
    public void Snippets_fail_as_in_the_reference(string template) => Assert.Throws<ChatTemplateException>(() => Render(template));

    // cases: t4, c18
    [Theory]
    [InlineData("a{#", "a")]
    [InlineData("a{#\n", "a")]
    [InlineData("a{#-", "a")]
    [InlineData("a{% raw %}", "a")]
    public void Nothing_is_missing_where_a_comment_opens_at_the_very_end(string template, string expected) => Assert.Equal(expected, Render(template));

    // cases: t4
    [Theory]
    [InlineData("a\n{# open\nb", 2, "Missing end of comment tag")]
    [InlineData("{% if x %}\n{# open", 2, "Missing end of comment tag")]
    [InlineData("{% zzz %}\n{# open", 1, "Encountered unknown tag 'zzz'.")]
    [InlineData("{#}\n", 1, "Missing end of comment tag")]
    [InlineData("{% raw %}\nx", 1, "Missing end of raw directive")]
    [InlineData("{{ 1 + }}{{ $ }}", 1, "Expected an expression, got 'end of print statement'")]
    public void The_first_error_of_a_template_is_the_one_that_is_told(string template, int line, string reason)
    {
        ChatTemplateException error = Assert.Throws<ChatTemplateException>(() => Render(template));
        Assert.Equal(line, error.Line);
        Assert.Contains(reason, error.Reason, StringComparison.Ordinal);
    }

    private static string Render(string template) => ChatTemplate.RenderSnippet(template, "snippet", true, true, null, DateTimeOffset.UnixEpoch);
}
